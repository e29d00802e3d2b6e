"""A small server on the official Python SDK: `stdio`, or `streamable-http PORT`, `sse PORT` on loopback."""

import sys
import time

from mcp.server.mcpserver import MCPServer

server = MCPServer("sums", instructions="Add with `add`.")


@server.tool()
def add(a: int, b: int) -> int:
    """The sum of two numbers"""
    return a + b


@server.tool()
def fail(why: str) -> str:
    """Fails"""
    raise ValueError(why)


@server.tool()
def wait(seconds: float) -> str:
    """Answers late"""
    time.sleep(seconds)
    return "waited"


how = sys.argv[1]
if how == "stdio":
    server.run("stdio")
else:
    server.run(how, host="127.0.0.1", port=int(sys.argv[2]))
