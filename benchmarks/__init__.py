"""Speed and memory, each figure measured in one run beside its yardstick. Run it by `make bench` or `python -m benchmarks`.

`goals.py` says what is to be reached; a file each says how it is measured:

    forks       a jailed sandbox against a bare fork of the same process, and the steps of the jail
    calls       print(1) through execute_code with a warm pool, against Jupyter kernels, cold and warm
    drained     the same call when the pool is empty, against a bare fork
    throughput  fresh sandboxes a second, against a loop that only forks, jails and exits
    chart       pandas and one PNG chart, against a bubblewrapped Python and a zygote that did not rehearse
    memory      what one idle sandbox costs
    crowd       a call, and a sandbox's birth, with 200 others idle, against the same with none
    levels      a fork to a sandbox at each isolation level against a bare fork, and print(1) at both, in turns
    counting    tokens of texts and chats, against bare tiktoken and litellm
    streaming   a long tool call, put together while it is streamed
    mongodb     files and budgets in a mongod of its own, with very many in it against few

`--level landlock` measures all that runs sandboxes, but `levels`, on a host that is made to refuse namespaces.

A fork is ten times dearer on a loaded machine and a pooled call is not: compare ratios, and only within one run.
"""
