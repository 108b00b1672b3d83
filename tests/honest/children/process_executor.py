import concurrent.futures
import math

PRIMES = [112272535095293, 112582705942171, 115280095190773, 1099726899285419, 15]


def is_prime(n):
    if n % 2 == 0:
        return False
    return all(n % i for i in range(3, min(math.isqrt(n), 100_000) + 1, 2))


def fail():
    raise LookupError("nothing there")


def main():
    with concurrent.futures.ProcessPoolExecutor() as executor:
        for number, prime in zip(PRIMES, executor.map(is_prime, PRIMES), strict=True):
            print(f"{number} is prime: {prime}")
    with concurrent.futures.ProcessPoolExecutor(max_workers=2) as executor:
        futures = [executor.submit(pow, 2, n) for n in range(5)]
        print(sorted(future.result() for future in concurrent.futures.as_completed(futures)))
        failed = executor.submit(fail)
        print(repr(failed.exception()), failed.done(), concurrent.futures.wait(futures).not_done)
        print(list(executor.map(str.upper, ["a", "b"], chunksize=2)))


if __name__ == "__main__":
    main()
