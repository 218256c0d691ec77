"""Interprets scripts on asyncio and prints what happened, in order.

Reads lines: `script NAME key=value ...`, `task NAME OP; OP; ...`, `end`. Prints its version, and one line
per script: `NAME TAB LOG`. The same scripts are interpreted by tests/it/asyncio/interpreter.rs; an operation is
logged as `task:operation` when it is over. Time is virtual: the loop jumps to the next deadline.
"""

import asyncio
import contextlib
import logging
import sys


class Stalled(Exception):
    """Nothing is ready and no time will come."""


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__()
        self.now = 0.0
        self._clock_resolution = 1e-9
        self._selector.select = self.jump

    def time(self):
        return self.now

    def jump(self, timeout):
        if timeout is None:
            raise Stalled
        self.now += timeout
        return []


QUEUES = {"fifo": asyncio.Queue, "lifo": asyncio.LifoQueue, "priority": asyncio.PriorityQueue}


class Script:
    def __init__(self, settings):
        self.log = []
        self.tasks = {}
        self.sources = {}
        self.lock = asyncio.Lock()
        self.condition = asyncio.Condition(self.lock)
        self.event = asyncio.Event()
        self.semaphore = asyncio.Semaphore(int(settings.get("permits", 1)))
        self.queue = QUEUES[settings.get("kind", "fifo")](int(settings.get("capacity", 1)))
        self.barrier = asyncio.Barrier(int(settings.get("parties", 2)))

    def start(self, name):
        self.tasks[name] = asyncio.get_event_loop().create_task(self.run(name))

    async def run(self, name):
        held = {"lock": 0, "permits": 0}
        try:
            for op in self.sources[name]:
                result = await self.step(held, op)
                self.log.append(f"{name}:{op.replace(' ', '-')}{result}")
        except asyncio.CancelledError:
            self.log.append(f"{name}:cancelled")
        finally:
            if held["lock"]:
                self.lock.release()
            for _ in range(held["permits"]):
                self.semaphore.release()

    async def step(self, held, op):
        word, *rest = op.split()
        if word in ("timeout", "wait_for"):
            inner = self.step(held, " ".join(rest[1:]))
            try:
                if word == "wait_for":
                    return await asyncio.wait_for(inner, int(rest[0]))
                async with asyncio.timeout(int(rest[0])):
                    return await inner
            except TimeoutError:
                inner.close()
                return "=late"
        return await getattr(self, word)(held, *rest) or ""

    async def acquire(self, held):
        await self.lock.acquire()
        held["lock"] = 1

    async def release(self, held):
        held["lock"] = 0
        self.lock.release()

    async def locked(self, held):
        return f"={'yes' if self.lock.locked() else 'no'}"

    async def wait(self, held):
        held["lock"] = 0
        try:
            await self.condition.wait()
        finally:
            held["lock"] = 1

    async def notify(self, held, count):
        self.condition.notify(int(count))

    async def notify_all(self, held):
        self.condition.notify_all()

    async def enter(self, held):
        await self.semaphore.acquire()
        held["permits"] += 1

    async def leave(self, held):
        held["permits"] -= 1
        self.semaphore.release()

    async def see(self, held):
        await self.event.wait()

    async def set(self, held):
        self.event.set()

    async def clear(self, held):
        self.event.clear()

    async def put(self, held, item):
        await self.queue.put(int(item))

    async def get(self, held):
        return f"={await self.queue.get()}"

    async def try_put(self, held, item):
        try:
            self.queue.put_nowait(int(item))
        except asyncio.QueueFull:
            return "=full"

    async def try_get(self, held):
        try:
            return f"={self.queue.get_nowait()}"
        except asyncio.QueueEmpty:
            return "=empty"

    async def done(self, held):
        self.queue.task_done()

    async def join(self, held):
        await self.queue.join()

    async def meet(self, held):
        try:
            return f"={await self.barrier.wait()}"
        except asyncio.BrokenBarrierError:
            return "=broken"

    async def abort(self, held):
        await self.barrier.abort()

    async def turn(self, held):
        await asyncio.sleep(0)

    async def sleep(self, held, seconds):
        await asyncio.sleep(int(seconds))

    async def spawn(self, held, name):
        self.start(name)

    async def cancel(self, held, name):
        self.tasks[name].cancel()

    async def awaits(self, held, name):
        await self.tasks[name]

    async def gather(self, held, *names):
        await asyncio.gather(*(self.tasks[name] for name in names))

    async def each(self, held, *names):
        done, _ = await asyncio.wait([self.tasks[name] for name in names])
        return f"={len(done)}"


def run(settings, sources):
    loop = VirtualLoop()
    loop.set_exception_handler(lambda *_: None)
    asyncio.set_event_loop(loop)
    script = Script(settings)
    script.sources = sources
    for name in sources:
        if name[0].islower():
            script.start(name)

    async def main():
        while left := [task for task in script.tasks.values() if not task.done()]:
            # Who was cancelled before it began has not logged it either.
            with contextlib.suppress(asyncio.CancelledError):
                await left[0]

    try:
        loop.run_until_complete(main())
    except Stalled:
        left = [name for name, task in script.tasks.items() if not task.done()]
        script.log.append("stuck:" + ",".join(sorted(left)))
    return " ".join(script.log)


def main():
    logging.disable()
    print("version", "{}.{}".format(*sys.version_info), sep="\t")
    for line in sys.stdin.read().splitlines():
        word, *rest = line.strip().split(None, 2)
        if word == "script":
            name, sources = rest[0], {}
            settings = dict(pair.split("=") for pair in " ".join(rest[1:]).split())
        elif word == "task":
            sources[rest[0]] = [op.strip() for op in rest[1].split(";")]
        else:
            with contextlib.redirect_stderr(None):
                print(name, run(settings, sources), sep="\t", flush=True)


main()
