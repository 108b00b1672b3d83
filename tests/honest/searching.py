import bisect
import heapq
from collections import deque

grid = ["S.#.....", "..#.###.", ".##.#...", "......#E"]


def shortest(grid):
    start = next((r, c) for r, row in enumerate(grid) for c, cell in enumerate(row) if cell == "S")
    queue, seen = deque([(start, 0)]), {start}
    while queue:
        (r, c), steps = queue.popleft()
        if grid[r][c] == "E":
            return steps
        for nr, nc in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            if 0 <= nr < len(grid) and 0 <= nc < len(grid[0]) and grid[nr][nc] != "#" and (nr, nc) not in seen:
                seen.add((nr, nc))
                queue.append(((nr, nc), steps + 1))
    return None


def dijkstra(graph, start):
    distance, heap = {start: 0}, [(0, start)]
    while heap:
        cost, node = heapq.heappop(heap)
        for other, weight in graph[node].items():
            if cost + weight < distance.get(other, float("inf")):
                distance[other] = cost + weight
                heapq.heappush(heap, (cost + weight, other))
    return distance


print(shortest(grid), dijkstra({"a": {"b": 7, "c": 3}, "b": {"d": 2}, "c": {"b": 1, "d": 8}, "d": {}}, "a"))
grades = [60, 70, 80, 90]
print(["FDCBA"[bisect.bisect(grades, score)] for score in (33, 99, 77, 70, 89, 90, 100)])
print(heapq.nlargest(3, [5, 1, 9, 3]), list(heapq.merge([1, 4], [2, 3])), heapq.nsmallest(2, ["aa", "b"], key=len))
numbers = [1, 4, 9]
bisect.insort(numbers, 5)
print(numbers, sorted({"b": 2, "a": 2, "c": 1}.items(), key=lambda item: (-item[1], item[0])))
