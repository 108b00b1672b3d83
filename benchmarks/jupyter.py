"""A Jupyter kernel through jupyter_client, as a notebook server starts one."""

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

from jupyter_client.manager import AsyncKernelManager

from plugin.packages.venv import Environment

from .home import peers_environment

IMPORTS = "import numpy, pandas, matplotlib.pyplot"
START_SECONDS = 120.0


class Kernel:
    """A started kernel and a client of it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def run(self, code: str) -> None:
        """Execute one cell and wait for the kernel's reply to it and for it to be idle again.

        Raises:
            RuntimeError: the cell failed.
        """
        reply = await self._client.execute_interactive(code, output_hook=lambda message: None, timeout=START_SECONDS)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(f"Jupyter could not run {code!r}: {reply['content']}")


@contextlib.asynccontextmanager
async def started(environment: Environment) -> AsyncIterator[Kernel]:
    """Start a kernel and run a first cell with the imports; shut it down when the block ends."""
    variables = peers_environment(environment)
    with mock.patch.dict(os.environ, variables):  # for the connection file, which this process writes
        manager = AsyncKernelManager(kernel_name="python3")
        await manager.start_kernel(env=variables, extra_arguments=["--log-level=ERROR"])
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=START_SECONDS)
        kernel = Kernel(client)
        await kernel.run(IMPORTS)
        yield kernel
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
