import asyncio
import contextlib
import signal


@contextlib.asynccontextmanager
async def resource(name):
    print("open", name)
    try:
        yield name
    finally:
        print("close", name)


async def numbers(limit):
    for i in range(limit):
        yield i
        await asyncio.sleep(0)


async def producer(queue):
    async for i in numbers(5):
        await queue.put(i)
    await queue.put(None)


async def consumer(queue, seen):
    while (item := await queue.get()) is not None:
        seen.append(item)


async def main():
    queue, seen = asyncio.Queue(maxsize=2), []
    async with resource("db"), asyncio.TaskGroup() as group:
        group.create_task(producer(queue))
        group.create_task(consumer(queue, seen))
    print(seen, [i async for i in numbers(3)])
    lock, semaphore = asyncio.Lock(), asyncio.Semaphore(2)
    async with lock, semaphore:
        print(lock.locked(), semaphore.locked())
    loop = asyncio.get_running_loop()
    ticked = loop.create_future()
    loop.add_signal_handler(signal.SIGUSR1, ticked.set_result, "signal")
    loop.call_later(0.01, signal.raise_signal, signal.SIGUSR1)
    print(await ticked)
    tasks = [asyncio.create_task(asyncio.sleep(delay)) for delay in (0, 5)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), len(pending))


asyncio.run(main())
with asyncio.Runner() as runner:
    print(runner.run(asyncio.sleep(0, "runner")))
