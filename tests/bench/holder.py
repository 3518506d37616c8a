"""A vendor that holds its answers: `holder.py PORT STATE`.

It answers at once until it gets SIGUSR2; from then every request waits until it gets SIGUSR1, and
then all are answered. How many wait stands in the file STATE, written anew ten times a second.
"""
import asyncio
import os
import signal
import sys

from servers import ANSWER


class Vendor:
    def __init__(self):
        self.waiting = 0
        self.released = asyncio.Event()
        self.released.set()

    async def serve(self, reader, writer):
        reply = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n"
                 f"{ANSWER}").encode()
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(lengths[0]) if lengths else 0)
                self.waiting += 1
                await self.released.wait()
                self.waiting -= 1
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def tell(self, path):
        while True:
            with open(f"{path}.new", "w", encoding="utf8") as f:
                f.write(str(self.waiting))
            os.replace(f"{path}.new", path)
            await asyncio.sleep(0.1)


async def main():
    vendor = Vendor()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, vendor.released.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, vendor.released.clear)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    async with server:
        await vendor.tell(sys.argv[2])


if __name__ == "__main__":
    asyncio.run(main())
