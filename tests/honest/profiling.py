import cProfile
import faulthandler
import io
import pstats
import resource
import sys
import time
import tracemalloc


def slow(n):
    return sum(fast(i) for i in range(n))


def fast(i):
    return i * i


profile = cProfile.Profile()
print(profile.runcall(slow, 100))
out = io.StringIO()
stats = pstats.Stats(profile, stream=out).strip_dirs().sort_stats("name")
print(sorted((name, line, row[0]) for (file, line, name), row in stats.stats.items() if "fast" in name or "slow" in name))
cProfile.run("slow(10)", "profile.out")
print(pstats.Stats("profile.out").total_calls, "function calls" in (stats.print_stats(), out.getvalue())[1])
tracemalloc.start()
big = [bytes(1000) for _ in range(100)]
statistic = tracemalloc.take_snapshot().statistics("lineno")[0]
print(statistic.count >= 100, statistic.traceback)
tracemalloc.stop()
calls = []
sys.settrace(lambda frame, event, arg: calls.append((event, frame.f_code.co_name)))
fast(1)
sys.settrace(None)
print(calls)
faulthandler.enable()
print(faulthandler.is_enabled(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000, time.process_time() > 0)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], soft >= 256)
