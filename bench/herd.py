#!/usr/bin/env python3
"""A herd of agents at one server: all register, fall silent, and come back at once, while someone reads.

    bench/herd.py --penstock build/release/penstock --agents 31250 --silent 600

Starts a server of its own in a temporary directory, applies a site of as many agents' nodes, registers them, has them
sync every ten seconds as agents do (`--connect-each-time`: without keeping the call open), stops all of them for a while, and lets them come back as agents come back: each
after a random part of its last wait. Prints how long registering and returning took, and the latency of a reader
(GET /v1/sites and GET /v1/nodes/NODE, 20 a second) in each phase."""
import argparse, asyncio, json, os, random, shutil, signal, subprocess, sys, tempfile, time

def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] * 1000 if values else float('nan')

class Http:
    """One keep-alive connection."""
    def __init__(self, port, source=None):
        self.port, self.source, self.reader, self.writer = port, source, None, None

    async def call(self, method, path, token, body=None):
        if self.writer is None:
            local = (self.source, 0) if self.source else None
            self.reader, self.writer = await asyncio.open_connection('127.0.0.1', self.port, local_addr=local)
        data = json.dumps(body).encode() if body is not None else b''
        head = f'{method} {path} HTTP/1.1\r\nHost: penstock\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n'
        self.writer.write(head.encode() + data)
        line = await self.reader.readline()
        if not line:
            raise ConnectionError('closed')
        status = int(line.split()[1])
        length = 0
        while True:
            line = await self.reader.readline()
            if line in (b'\r\n', b''):
                break
            if line.lower().startswith(b'content-length:'):
                length = int(line.split(b':')[1])
        text = await self.reader.readexactly(length)
        return status, text

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None

class Agent:
    keep = True  # its connection between calls

    def __init__(self, number, name, port):
        self.name = name
        self.http = Http(port, f'127.0.1.{1 + number // 1500}')
        self.token = None
        self.registration = None
        self.revision = 0
        self.synced = 0.0

    async def register(self, join):
        hello = {'node': self.name, 'address': '10.0.0.1', 'agentVersion': '1', 'bootId': 'b', 'hostname': self.name.replace('/', '-'), 'deviceVendor': 'nvidia',
                 'deviceModel': 'gb200', 'deviceCount': 4, 'cpu': '144', 'memory': '960GiB', 'powerSource': 'nvml'}
        status, text = await self.http.call('POST', '/v1/agents/register', self.token or join, hello)
        if status != 201:
            raise RuntimeError(f'{self.name}: {status} {text[:200]}')
        welcome = json.loads(text)
        self.token, self.registration, self.revision = welcome['token'], welcome['registration'], 0

    async def sync(self, wait):
        status, text = await self.http.call('POST', '/v1/agents/sync', self.token,
                                            {'registration': self.registration, 'epoch': 1, 'revision': self.revision, 'wait': wait})
        if status != 200:
            raise RuntimeError(f'{self.name}: {status} {text[:200]}')
        self.revision = json.loads(text).get('revision', 0)
        self.synced = time.monotonic()
        if not Agent.keep:
            self.http.close()

async def reader(port, token, node, latencies, phase):
    http = Http(port)
    paths = ['/v1/sites?limit=50', f'/v1/nodes/{node}']
    i = 0
    while True:
        began = time.monotonic()
        try:
            status, _ = await http.call('GET', paths[i % 2], token)
        except (OSError, ConnectionError, asyncio.IncompleteReadError):
            http.close()
            status = 0
        latencies.setdefault(phase[0], []).append(time.monotonic() - began)
        if status != 200:
            phase[1] += 1
        i += 1
        await asyncio.sleep(max(0.0, 0.05 - (time.monotonic() - began)))

async def run(options, directory, port, operator):
    sys.stdout.reconfigure(line_buffering=True)
    racks, per_rack = (options.agents + 17) // 18, 18
    documents = [
        {'apiVersion': 'penstock/v1', 'kind': 'NodeType', 'metadata': {'name': 'tray'},
         'spec': {'devices': {'vendor': 'nvidia', 'model': 'gb200', 'count': 4}, 'cpu': '144', 'memory': '960GiB', 'power': {'idle': '1kW', 'max': '7kW'}}},
        {'apiVersion': 'penstock/v1', 'kind': 'Site', 'metadata': {'name': 'herd'},
         'spec': {'country': 'NO', 'fleet': {'mode': 'remediate', 'lease': 'PT15M'},
                  'halls': [{'name': 'h1', 'rows': [{'name': 'r1', 'racks': [{'name': f'k[0001-{racks:04d}]', 'nodes': [{'name': 'n[01-18]', 'type': 'tray'}]}]}]}]}}]
    http = Http(port)
    status, text = await http.call('POST', '/v1/apply', operator, {'sources': [{'file': 'herd.yaml', 'text': json.dumps(document)} for document in documents]})
    if status not in (200, 201):
        raise SystemExit(f'apply: {status} {text[:500]}')
    status, text = await http.call('POST', '/v1/tokens', operator, {'name': 'join', 'role': 'node'})
    join = json.loads(text)['token']
    names = [f'herd/h1/k{1 + i // per_rack:04d}/n{1 + i % per_rack:02d}' for i in range(options.agents)]
    agents = [Agent(i, name, port) for i, name in enumerate(names)]
    latencies, phase = {}, ['quiet', 0]
    watching = asyncio.create_task(reader(port, operator, names[0], latencies, phase))
    await asyncio.sleep(5)

    async def live(agent, first_wait):
        """As an agent does: registers if the server does not know it, then syncs for ever."""
        delay = first_wait
        while True:
            await asyncio.sleep(delay)
            try:
                if agent.registration is None or again[0]:
                    if agent.synced_epoch != again[1]:
                        await agent.register(join)
                        agent.synced_epoch = again[1]
                fresh = agent.synced < silent_until[0]
                await agent.sync('PT0S' if fresh or not Agent.keep else 'PT10S')
                delay = 0 if Agent.keep else random.uniform(8, 12)
            except (OSError, ConnectionError, asyncio.IncompleteReadError):
                agent.http.close()
                delay = random.uniform(5, 10)

    again, silent_until = [False, 0], [0.0]
    for agent in agents:
        agent.synced_epoch = -1
    def settled(since):
        return sum(1 for agent in agents if agent.synced >= since)
    async def await_all(since, what):
        began = time.monotonic()
        while settled(since) < len(agents):
            await asyncio.sleep(1)
            if time.monotonic() - began > 900:
                print(f'{what}: only {settled(since)} of {len(agents)} after 900 s')
                return
        print(f'{what}: all {len(agents)} within {time.monotonic() - since:.1f} s')

    phase[0] = 'registering'
    began = time.monotonic()
    silent_until[0] = began
    tasks = [asyncio.create_task(live(agent, random.uniform(0, options.spread))) for agent in agents]
    await await_all(began, f'first registration, spread over {options.spread} s')
    phase[0] = 'at work'
    await asyncio.sleep(options.work)
    phase[0] = 'silent'
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for agent in agents:
        agent.http.close()
    print(f'silent for {options.silent} s')
    await asyncio.sleep(options.silent)
    # Agents that could not reach the server wait 5 to 10 s between tries: so they come back.
    phase[0] = 'coming back'
    again[0], again[1] = options.register_again, 1
    began = time.monotonic()
    silent_until[0] = began
    tasks = [asyncio.create_task(live(agent, random.uniform(0, 10))) for agent in agents]
    await await_all(began, 'back, registering again' if options.register_again else 'back')
    phase[0] = 'at work again'
    await asyncio.sleep(options.work)
    status, text = await http.call('GET', '/v1/fleet', operator)
    fleet = json.loads(text)['items'][0]
    print('nodes:', {state: count for state, count in fleet['nodes'].items() if count}, 'lost:', fleet.get('lost', 0), 'breaker:', (fleet.get('breaker') or {}).get('reason', 'closed'))
    for name, values in latencies.items():
        print(f'{name:>14}: reads {len(values):5d}  p50 {percentile(values, .5):7.1f} ms  p99 {percentile(values, .99):7.1f} ms  most {max(values) * 1000:7.1f} ms')
    print('reads that failed:', phase[1])
    watching.cancel()
    for task in tasks:
        task.cancel()

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--penstock', required=True)
    parser.add_argument('--agents', type=int, default=31250)
    parser.add_argument('--silent', type=float, default=600, help='seconds')
    parser.add_argument('--work', type=float, default=60, help='seconds between the phases')
    parser.add_argument('--spread', type=float, default=60, help='seconds over which agents first register')
    parser.add_argument('--register-again', action='store_true', help='and all have to register anew when they come back')
    parser.add_argument('--connect-each-time', action='store_true', help='one connection a call, where the system allows too few open files')
    parser.add_argument('--port', type=int, default=18999)
    options = parser.parse_args()
    Agent.keep = not options.connect_each_time
    directory = tempfile.mkdtemp(prefix='herd-')
    server = subprocess.Popen([options.penstock, 'server', '--state', directory, '--listen', f'127.0.0.1:{options.port}'],
                              stdout=open(os.path.join(directory, 'server.log'), 'w'), stderr=subprocess.STDOUT)
    try:
        token_file = os.path.join(directory, 'operator.token')
        for _ in range(100):
            if os.path.exists(token_file):
                break
            time.sleep(0.1)
        time.sleep(1)
        asyncio.run(run(options, directory, options.port, open(token_file).read().strip()))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        shutil.rmtree(directory, ignore_errors=True)

if __name__ == '__main__':
    main()
