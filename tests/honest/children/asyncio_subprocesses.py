import asyncio
import sys
from asyncio.subprocess import PIPE
from concurrent.futures import ProcessPoolExecutor


async def run(code, text=b""):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate(text)
    return process.returncode, out, err[-30:]


async def main():
    results = await asyncio.gather(
        run("print(6 * 7)"), run("print(input() * 2)", b"ab\n"), run("import sys; sys.exit(4)"), run("raise KeyError('k')")
    )
    for result in results:
        print(result)
    process = await asyncio.create_subprocess_exec(sys.executable, "-u", "-c", "for i in range(3): print(i)", stdout=PIPE)
    async for line in process.stdout:
        print("line", line)
    print(await process.wait())
    sleeper = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    try:
        await asyncio.wait_for(sleeper.wait(), 0.05)
    except TimeoutError:
        sleeper.kill()
    print(await sleeper.wait())
    with ProcessPoolExecutor(2) as pool:
        print(await asyncio.get_running_loop().run_in_executor(pool, pow, 3, 20))


if __name__ == "__main__":
    asyncio.run(main())
