"""One life of a corstap process: what it says, what it takes, how it ends, and what its capture holds."""
import asyncio, os, pathlib, re, resource, signal, sqlite3, time

# What a process may take until it has ended, once it is told to.
LAST = 2.0
SHOWN = re.compile(rb'^\{"v":1,"rev":(\d+),"id":(\d+),')
LOST = re.compile(r"^(\d+) exchanges are missing", re.M)


class Life:
    """a running proxy"""

    def __init__(self, name, capture):
        self.name, self.capture = name, capture
        self.shown, self.lines, self.said = {}, 0, ""
        self.samples, self.rests = [], []
        self.ended_in = None

    async def start(self, program, arguments, env):
        # A file that grows too large is an error to it, and not the end.
        command = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh", program, "run", "--json",
                   "--listen", "127.0.0.1:0", "--capture", str(self.capture), *arguments]
        self.process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=env, limit=1 << 22)
        self.tasks = [asyncio.create_task(self.read_log()), asyncio.create_task(self.read_words())]
        for _ in range(400):
            if found := re.search(r"listens on (127\.0\.0\.1):(\d+)", self.said):
                break
            if self.process.returncode is not None:
                raise OSError(f"corstap ended at once: {self.said}")
            await asyncio.sleep(0.05)
        self.proxy = (found[1], int(found[2]))
        self.pid = self.process.pid
        self.tasks.append(asyncio.create_task(self.watch()))
        return self

    async def read_log(self):
        async for line in self.process.stdout:
            if found := SHOWN.match(line):
                rev, number = int(found[1]), int(found[2])
                self.shown[number] = max(rev, self.shown.get(number, 0))
                self.lines += 1

    async def read_words(self):
        async for line in self.process.stderr:
            self.said += line.decode(errors="replace")

    async def watch(self):
        while True:
            self.samples.append((time.monotonic(), *self.takes()))
            await asyncio.sleep(1)

    def takes(self):
        """memory in KiB, descriptors, threads"""
        try:
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            field = lambda name: int(re.search(rf"{name}:\s+(\d+)", status)[1])
            return field("VmRSS"), len(os.listdir(f"/proc/{self.pid}/fd")), field("Threads")
        except (OSError, TypeError):
            return 0, 0, 0

    def limit(self, what, current):
        """one of its limits; the hard one stays"""
        hard = resource.prlimit(self.pid, what)[1]
        resource.prlimit(self.pid, what, (hard if current is None else current, hard))

    def lost(self):
        return max((int(count) for count in LOST.findall(self.said)), default=0)

    def abandon(self):
        """ends it, if nothing else has"""
        if self.process.returncode is None:
            self.process.kill()

    async def end(self, how):
        """ends it; what was wrong with that"""
        self.tasks.pop().cancel()
        begun = time.monotonic()
        self.process.send_signal(how)
        try:
            code = await asyncio.wait_for(self.process.wait(), 30)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            return [f"{how.name}: it had not ended after 30 s"]
        self.ended_in = time.monotonic() - begun
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if how == signal.SIGKILL:
            return []
        wrong = []
        if self.ended_in > LAST:
            wrong.append(f"{how.name}: it took {self.ended_in:.1f} s to end")
        if code != 0:
            wrong.append(f"{how.name}: it ended with {code}")
        return wrong

    def spread(self):
        """from the first exchange to the last, by the proxy's clock, in seconds"""
        capture = sqlite3.connect(self.capture)
        try:
            first, last = capture.execute("SELECT min(started), max(started) FROM exchange").fetchone()
        finally:
            capture.close()
        return (last - first) / 1e6

    def check(self):
        """what is wrong with what it left behind"""
        wrong = [f"it said: {line}" for line in self.said.splitlines() if "panicked" in line]
        capture = sqlite3.connect(self.capture)
        try:
            sound = capture.execute("PRAGMA integrity_check").fetchone()[0]
            kept = dict(capture.execute("SELECT id, rev FROM exchange"))
        finally:
            capture.close()
        if sound != "ok":
            wrong.append(f"the capture is damaged: {sound}")
        missing = [number for number, rev in self.shown.items() if kept.get(number, 0) < rev]
        if not self.shown:
            wrong.append("nothing was shown")
        if missing:
            wrong.append(f"{len(missing)} exchanges were shown and are not in the capture so, as #{missing[0]}")
        self.kept = len(kept)
        return wrong
