import gc
import sys
import weakref


class Node:
    def __init__(self, name):
        self.name = name
        self.parent = None

    def __del__(self):
        print("deleted", self.name)


node = Node("a")
reference = weakref.ref(node, lambda _: print("callback"))
print(reference() is node, sys.getrefcount(node), weakref.getweakrefcount(node))
del node
print(reference())
gc.collect()
for name in ("left", "right"):
    one, two = Node(name), Node(name + " child")
    one.parent, two.parent = two, one
del one, two
print(gc.collect() > 0, gc.isenabled(), gc.get_threshold(), gc.garbage)
cache = weakref.WeakValueDictionary()
kept = cache["kept"] = Node("kept")
cache["lost"] = Node("lost")
print(list(cache))
finalizer = weakref.finalize(kept, print, "finalized")
print(finalizer.alive, weakref.WeakSet([kept]) == {kept}, gc.is_tracked(kept), gc.is_tracked(1))
print(sys.getsizeof([]), sys.getsizeof("é"), sys.getsizeof(2**100), sys.intern("x") is "x"[:])
at_the_end = Node("at the end")
_private = Node("private")
print("end of the program")
