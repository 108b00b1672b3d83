import asyncio
import contextvars

request = contextvars.ContextVar("request", default="none")


async def work(name, delay):
    request.set(name)
    await asyncio.sleep(delay)
    return f"{name} ({request.get()}, {asyncio.current_task().get_name()})"


async def fail():
    raise ValueError("broken")


async def main():
    print(await asyncio.gather(work("a", 0.02), work("b", 0.01)))
    print(await asyncio.gather(work("c", 0), fail(), return_exceptions=True))
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        print("timed out")
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    except asyncio.TimeoutError:
        print("timed out again")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(5))
    except* ValueError as group:
        print(group.exceptions)
    task = asyncio.create_task(asyncio.sleep(5), name="sleeper")
    await asyncio.sleep(0)
    task.cancel()
    print(await asyncio.gather(task, return_exceptions=True), task.cancelled(), task.get_name())
    print(await asyncio.to_thread(sum, range(10)), request.get())
    loop = asyncio.get_running_loop()
    print(type(loop).__name__, loop.is_running(), await loop.run_in_executor(None, str.upper, "done"))


asyncio.run(main())
