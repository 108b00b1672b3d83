import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor


def divide(x):
    return 1 / x


def leave():
    sys.exit(5)


def late():
    time.sleep(0.02)
    divide(0)


for target, arguments in ((divide, (0,)), (leave, ()), (divide, (2,))):
    thread = threading.Thread(target=target, args=arguments)
    thread.start()
    thread.join()
    print(thread.name, thread.is_alive())
with ThreadPoolExecutor(2) as pool:
    future = pool.submit(divide, 0)
print(repr(future.exception()))


async def forgotten():
    raise LookupError("nobody asked")


async def main():
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: print("loop:", context["message"]))
    task = asyncio.create_task(forgotten())
    await asyncio.sleep(0.01)
    del task


asyncio.run(main())
threading.Thread(target=late).start()
print("the main thread is at its end")
