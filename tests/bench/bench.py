#!/usr/bin/env python3
"""Measure intercepting proxies (CONNECT + MITM TLS) side by side on loopback. scripts/bench starts some and calls this.

  python3 bench.py setup                       build loadgen, make the test PKI, print the host names to add
  python3 bench.py --proxy corstap=http://127.0.0.1:19100 --ca ca.pem --pid 1234 [--workload W1,W3] [--rounds 3]

--proxy, --ca and --pid may be repeated, in step: the proxies are then measured interleaved (A B A B ...)
and "x NAME" is the median of the rounds' ratios to the first one (or to --baseline NAME); "best x" compares each one's
lowest round, which is the steadier of the two where the machine's own speed changes from second to second.
NAME=tls://ADDR measures a TLS-terminating server that takes no CONNECT (nginx, HAProxy).
The proxy must trust the origin's CA (STATE/pki/origin-ca.pem) or not verify; STATE/pki/proxy-ca.{pem,key} may
serve as its own CA. CPU is the user+system time of the pid and its children, so the proxy should do nothing else.
"""
import argparse, json, os, pathlib, socket, statistics, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
NAMES = 600  # h0.bench.test .. for cold hosts

# workload: (title, loadgen arguments, rounds cap, [(metric, heading, scale, digits)])
W = {
    "W6": ("2,000 idle tunnels", ["--workload", "idle"], 1,
           [("kib_per_conn", "KiB/conn", 1, 1), ("rss_before_kib", "MiB before", 1 / 1024, 1), ("upstream_conns", "upstream", 1, 0),
            ("idle_cpu_ms_per_s", "idle CPU ms/s", 1, 1)]),
    "W1": ("HTTP/1.1 keep-alive, 1 KiB, 32 connections", ["--workload", "keepalive"], 99,
           [("per_s", "req/s", 1, 0), ("cpu_us_each", "CPU us/req", 1, 1), ("cores_used", "cores", 1, 2), ("p50_us", "p50 ms", 1e-3, 2),
            ("p99_us", "p99 ms", 1e-3, 2), ("peak_rss_kib", "peak MiB", 1 / 1024, 1)]),
    "W2": ("HTTP/2, 1 KiB, 4 connections x 8 streams", ["--workload", "h2"], 99,
           [("per_s", "req/s", 1, 0), ("cpu_us_each", "CPU us/req", 1, 1), ("cores_used", "cores", 1, 2), ("p50_us", "p50 ms", 1e-3, 2),
            ("p99_us", "p99 ms", 1e-3, 2), ("peak_rss_kib", "peak MiB", 1 / 1024, 1)]),
    "W3": ("new connection each request, leaf cached", ["--workload", "newconn", "--n", "600"], 99,
           [("per_s", "conn/s", 1, 0), ("cpu_us_each", "CPU us/conn", 1, 0), ("p50_us", "p50 ms", 1e-3, 2), ("p99_us", "p99 ms", 1e-3, 2)]),
    "W4": ("cold hosts, leaf minted", ["--workload", "cold", "--n", "200"], 3,
           [("cpu_us_each", "cold us/conn", 1, 0), ("warm.cpu_us_each", "warm us/conn", 1, 0), ("mint_cpu_us", "mint CPU us", 1, 0),
            ("mint_wall_p50_us", "mint wall us", 1, 0), ("per_s", "cold conn/s", 1, 0)]),
    "W5d": ("64 MiB download", ["--workload", "download"], 99,
            [("mb_per_s", "MB/s", 1, 0), ("cpu_s_per_gib", "CPU s/GiB", 1, 2), ("ttfb_ms", "TTFB ms", 1, 1),
             ("rss_growth_kib", "RSS +MiB", 1 / 1024, 1)]),
    "W5u": ("64 MiB upload", ["--workload", "upload"], 99,
            [("mb_per_s", "MB/s", 1, 0), ("cpu_s_per_gib", "CPU s/GiB", 1, 2), ("rss_growth_kib", "RSS +MiB", 1 / 1024, 1)]),
    "W7": ("streamed events, 100 at 10 ms", ["--workload", "sse"], 99,
           [("p50_us", "chunk late p50 us", 1, 0), ("p99_us", "p99 us", 1, 0), ("head_after_ms", "head ms", 1, 1)]),
    "W8": ("one warm connection, sequential", ["--workload", "latency"], 99,
           [("p50_us", "p50 us", 1, 0), ("p99_us", "p99 us", 1, 0), ("cpu_us_each", "CPU us/req", 1, 1)]),
    "W8p": ("the same with a 2 ms pause before each", ["--workload", "latency", "--n", "400", "--pause_us", "2000"], 99,
            [("p50_us", "p50 us", 1, 0), ("p99_us", "p99 us", 1, 0), ("cpu_us_each", "CPU us/req", 1, 1)]),
}
# latencies: the round least disturbed is shown, not the median of the rounds
BEST = {"W7", "W8", "W8p"}
# what the ratios are taken of
KEY = {"W6": "kib_per_conn", "W1": "cpu_us_each", "W2": "cpu_us_each", "W3": "cpu_us_each", "W4": "mint_cpu_us",
       "W5d": "cpu_s_per_gib", "W5u": "cpu_s_per_gib", "W7": "p50_us", "W8": "p50_us", "W8p": "p50_us"}


def get(r, path):
    for k in path.split("."):
        r = r.get(k) if isinstance(r, dict) else None
    return r if isinstance(r, (int, float)) else None


def tree(pid):
    """pid and all its descendants"""
    kids = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                stat = open(f"/proc/{d}/stat").read()
                kids.setdefault(int(stat[stat.rindex(")") + 2:].split()[1]), []).append(int(d))
            except OSError:
                pass
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        todo += kids.get(p, [])
    return out


def busy():
    """seconds of CPU that the whole machine has used"""
    f = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return (sum(f) - f[3] - f[4]) / os.sysconf("SC_CLK_TCK")


def used(pids):
    total = 0
    for p in pids:
        try:
            stat = open(f"/proc/{p}/stat").read()
            total += sum(map(int, stat[stat.rindex(")") + 2:].split()[11:13]))
        except OSError:
            pass
    return total / os.sysconf("SC_CLK_TCK")


def wait_quiet(limit):
    """until the rest of the machine is nearly idle, or for `limit` seconds"""
    end = time.time() + limit
    while time.time() < end:
        b, t = busy(), time.time()
        time.sleep(0.3)
        if (busy() - b) / (time.time() - t) < 0.25:
            return


def build(target):
    subprocess.run(["cargo", "build", "--release", "--locked", "--target-dir", target], cwd=HERE / "loadgen", check=True)


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("command", nargs="?", choices=["run", "setup", "micro"], default="run")
    ap.add_argument("--proxy", action="append", default=[], help="NAME=http://ADDR or NAME=tls://ADDR")
    ap.add_argument("--ca", action="append", default=[], help="PEM of the CA that the proxy mints with")
    ap.add_argument("--pid", action="append", default=[], help="the proxy's process id")
    ap.add_argument("--workload", default=",".join(W), help="comma-separated, of " + " ".join(W) + "; W5 and W8 mean both kinds")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--secs", type=float, default=3.0, help="length of one W1 or W2 run")
    ap.add_argument("--baseline", help="NAME that the ratios are to (default: the first proxy)")
    ap.add_argument("--skip", action="append", default=[], help="NAME:WORKLOAD not to run")
    ap.add_argument("--cold-base", type=int, default=0, help="first of the hN.bench.test names that W4 uses")
    ap.add_argument("--origin-port", type=int, default=19443)
    ap.add_argument("--state", type=pathlib.Path, default=HERE.parent.parent / "target" / "bench", help="where files go")
    ap.add_argument("--loadgen", type=pathlib.Path, help="the load generator, if it is built already")
    ap.add_argument("--origin-pid", type=int, help="the process id of an origin that runs already")
    ap.add_argument("--quiet", type=float, default=5, help="seconds to wait, before each run, for other programs to be still")
    ap.add_argument("--json", help="write every figure here")
    a = ap.parse_args()

    target = a.state / "loadgen"
    loadgen = a.loadgen or target / "release" / "loadgen"
    if a.command == "setup" or not loadgen.exists():
        build(target)
    pki = a.state / "pki"
    subprocess.run([loadgen, "pki", "--dir", pki], check=True)
    if a.command == "setup":
        have = open("/etc/hosts").read()
        if f"h{NAMES - 1}.bench.test" not in have:
            lines = ["127.0.0.1 bench.test # corstap-bench"] + [f"127.0.0.1 h{i}.bench.test # corstap-bench" for i in range(NAMES)]
            (a.state / "hosts").write_text("\n".join(lines) + "\n")
            print(f"for W4, the proxies must resolve bench.test and h0..h{NAMES - 1}.bench.test to 127.0.0.1: as root, cat {a.state}/hosts >> /etc/hosts")
        print(f"ready: {loadgen}, {pki}")
        return
    if a.command == "micro":
        print(json.dumps(json.loads(subprocess.run([loadgen, "micro"], capture_output=True, check=True).stdout), indent=1))
        return

    origin_ca = str(pki / "origin-ca.pem")
    targets = [("direct", f"tls://127.0.0.1:{a.origin_port}", origin_ca, None)]
    for i, p in enumerate(a.proxy):
        name, url = p.split("=", 1)
        ca = a.ca[i] if i < len(a.ca) else a.ca[-1] if a.ca else origin_ca
        targets.append((name, url, ca, int(a.pid[i]) if i < len(a.pid) and a.pid[i] not in ("", "0") else None))
    want = []
    for w in a.workload.split(","):
        want += [k for k in W if k == w or (w in ("W5", "W8") and k.startswith(w))] or sys.exit(f"no workload {w}")
    want.sort(key=list(W).index)
    base = a.baseline or (targets[1][0] if len(targets) > 1 else "direct")

    origin, origin_pid = None, None
    if not listening(a.origin_port):
        origin = subprocess.Popen([loadgen, "origin", "--pki", pki, "--port", str(a.origin_port)], start_new_session=True)
        for _ in range(100):
            if listening(a.origin_port):
                break
            time.sleep(0.05)
    if origin:
        origin_pid = origin.pid
    else:
        origin_pid = a.origin_pid
    results = {}
    try:
        for w in want:
            title, args, cap, cols = W[w]
            rounds = min(a.rounds, cap)
            per = {}
            for r in range(rounds):
                for name, url, ca, pid in targets:
                    if f"{name}:{w}" in a.skip or (name == "direct" and w in ("W6", "W4")):
                        continue
                    if "unsupported" in (per.get(name) or [{}])[-1]:
                        continue
                    cmd = [loadgen, "run", *args, "--via", url, "--ca", ca, "--origin-ca", origin_ca, "--port", str(a.origin_port)]
                    ours = [origin_pid] if origin_pid else []
                    if pid:
                        cmd += ["--pids", ",".join(map(str, tree(pid)))]
                        ours = ours + tree(pid)
                    if w in ("W1", "W2"):
                        cmd += ["--secs", str(a.secs)]
                    if w == "W4":
                        cmd += ["--base", str((a.cold_base + 200 * r) % NAMES)]
                    wait_quiet(a.quiet)
                    t0, b0, u0, c0 = time.time(), busy(), used(ours), os.times()
                    try:
                        # a session of its own: where the kernel shares CPU time by session, a fair part of it
                        p = subprocess.run(cmd, capture_output=True, timeout=180, start_new_session=True)
                        out = json.loads(p.stdout) if p.returncode == 0 else {"ok": 0, "errors": 1, "error_kinds": {p.stderr.decode()[-300:]: 1}}
                    except subprocess.TimeoutExpired:
                        out = {"ok": 0, "errors": 1, "error_kinds": {"the run took over 180 s": 1}}
                    c1 = os.times()
                    mine = used(ours) - u0 + sum(c1[:4]) - sum(c0[:4])
                    out["foreign_cores"] = round(max(0.0, busy() - b0 - mine) / (time.time() - t0), 3)
                    per.setdefault(name, []).append(out)
            results[w] = per
            show(w, title, cols, per, base)
            sys.stdout.flush()
    finally:
        if origin:
            origin.terminate()
            origin.wait()
    if a.json:
        pathlib.Path(a.json).write_text(json.dumps(results, indent=1))


def kept(rs):
    """the rounds in which other programs took little of the machine"""
    lo = min((r.get("foreign_cores", 0) for r in rs), default=0)
    return [r for r in rs if r.get("foreign_cores", 0) <= max(0.25, lo + 0.15)]


def best(w, rs):
    good = [r for r in rs if get(r, KEY[w])]
    return [min(good, key=lambda r: r[KEY[w]])] if w in BEST and good else kept(rs)


def show(w, title, cols, per, base):
    print(f"\n{w}  {title}")
    head = ["proxy"] + [c[1] for c in cols] + ["errors", "others", f"x {base}", "range", "best x"]
    rows = []
    for name, rs in per.items():
        if "unsupported" in rs[-1]:
            rows.append([name, rs[-1]["unsupported"]])
            continue
        row = [name]
        for path, _, scale, digits in cols:
            v = [x for x in (get(r, path) for r in best(w, rs) if r.get("ok")) if x is not None]
            row.append(f"{statistics.median(v) * scale:,.{digits}f}" if v else "-")
        row.append(str(sum(r.get("errors", 0) for r in rs)))
        row.append(f"{statistics.median(r.get('foreign_cores', 0) for r in best(w, rs)):.2f}")
        bs = per.get(base, [])
        good, gbase = best(w, rs), best(w, bs)
        ok = [(x, y) for x, y in zip(rs, bs) if x in good and y in gbase] or [(x, y) for x in good for y in gbase]
        pairs = [(get(x, KEY[w]), get(y, KEY[w])) for x, y in ok if x.get("ok") and y.get("ok")]
        ratios = [x / y for x, y in pairs if x and y]
        row.append(f"{statistics.median(ratios):.2f}" if ratios else "-")
        row.append(f"{min(ratios):.2f}-{max(ratios):.2f}" if ratios else "-")
        low = [min((v for v in (get(r, KEY[w]) for r in x if r.get("ok")) if v and v > 0), default=0) for x in (rs, bs)]
        row.append(f"{low[0] / low[1]:.2f}" if all(low) else "-")
        rows.append(row)
    width = [max(len(r[i]) for r in [head] + [x for x in rows if len(x) > 2]) for i in range(len(head))]
    for r in [head] + rows:
        if len(r) == 2:
            print("  " + r[0].ljust(width[0]) + "  " + r[1])
        else:
            print("  " + r[0].ljust(width[0]) + "  " + "  ".join(c.rjust(width[i + 1]) for i, c in enumerate(r[1:])))
    for name, rs in per.items():
        kinds = {}
        for r in rs:
            for k, n in (r.get("error_kinds") or {}).items():
                kinds[k] = kinds.get(k, 0) + n
        for k, n in sorted(kinds.items(), key=lambda x: -x[1])[:3]:
            print(f"    {name}: {n} x {k}")


main()
