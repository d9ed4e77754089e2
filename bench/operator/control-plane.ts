/** A control plane without nodes: etcd, API server and controller manager, for measuring operators. No scheduler, so pods stay Pending. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect, resource, type KubeObject } from 'kopf-ts';
import { freePorts } from '../../runtime/free-ports.ts';

/** Whose requests the audit log tells: the operator under test's. It has no rights but those that it is given. */
export const AUDITED = 'operator';

const USERS = { admin: '/O=system:masters/CN=admin', [AUDITED]: `/CN=${AUDITED}`, 'kube-controller-manager': '/CN=system:kube-controller-manager' };

export class ControlPlane implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'srdit-bench-'));
  readonly #binary: string;
  readonly #children = new Map<string, ChildProcess>();
  #url = '';

  private constructor(binary: string) { this.#binary = binary; }

  /** binary: etcd, kube-apiserver and the rest in one, as e2e/cluster/binaries builds it. */
  static async start(binary: string): Promise<ControlPlane> {
    const plane = new ControlPlane(binary);
    try {
      await plane.#up();
      return plane;
    } catch (error) {
      await plane[Symbol.asyncDispose]();
      throw error;
    }
  }

  kubeconfig(user: keyof typeof USERS): string { return join(this.folder, `${user}.conf`); }
  /** Gives the audited user these rights everywhere: rules of a ClusterRole. */
  async allow(rules: readonly object[]): Promise<void> {
    const client = await this.client();
    const rbac = (kind: string, plural: string) => resource<KubeObject>('rbac.authorization.k8s.io/v1', kind, plural, { namespaced: false });
    const role: object = { metadata: { name: AUDITED }, rules };
    const binding: object = {
      metadata: { name: AUDITED }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: AUDITED },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: AUDITED }],
    };
    await client.create(rbac('ClusterRole', 'clusterroles'), role as KubeObject);
    await client.create(rbac('ClusterRoleBinding', 'clusterrolebindings'), binding as KubeObject);
    await client.close();
  }

  /** What a pod's environment and its volume of the service account say, for the audited user: a process that takes it finds the API server as a pod does. */
  asInPod(): NodeJS.ProcessEnv {
    const { hostname, port } = new URL(this.#url);
    return { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port, SRDIT_SERVICE_ACCOUNT: join(this.folder, 'serviceaccount') };
  }

  /** Of the audited user. */
  get token(): string { return readFileSync(join(this.folder, 'serviceaccount/token'), 'utf8'); }
  get auditLog(): string { return join(this.folder, 'audit.log'); }
  async client(): Promise<Client> { return new Client(await connect({ kubeconfig: this.kubeconfig('admin') })); }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children.values()].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => { child.once('exit', resolve); });
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #up(): Promise<void> {
    const [port, etcd, peer, manager] = await freePorts(4);
    this.#url = `https://127.0.0.1:${port}`;
    this.#certificates();
    const file = (name: string): string => join(this.folder, name);
    writeFileSync(file('audit.yaml'), JSON.stringify({
      apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived', 'ResponseStarted', 'Panic'], rules: [{ level: 'Metadata', users: [AUDITED], omitManagedFields: true }, { level: 'None' }],
    }));
    const token = randomUUID();
    writeFileSync(file('tokens.csv'), `${token},${AUDITED},${AUDITED}\n`, { mode: 0o600 });
    mkdirSync(file('serviceaccount'));
    writeFileSync(file('serviceaccount/token'), token, { mode: 0o600 });
    copyFileSync(file('ca.crt'), file('serviceaccount/ca.crt'));
    mkdirSync(file('etcd'), { mode: 0o700 });
    this.#run('etcd', '--name=m', `--data-dir=${file('etcd')}`, '--unsafe-no-fsync', '--log-level=warn', `--listen-client-urls=http://127.0.0.1:${etcd}`, `--advertise-client-urls=http://127.0.0.1:${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`, `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`, `--initial-cluster=m=http://127.0.0.1:${peer}`);
    await this.#answers('etcd', 60, () => fetch(`http://127.0.0.1:${etcd}/health`).then(({ ok }) => ok));
    this.#run('kube-apiserver', `--etcd-servers=http://127.0.0.1:${etcd}`, '--bind-address=127.0.0.1', `--secure-port=${port}`, '--advertise-address=127.0.0.1', '--endpoint-reconciler-type=none',
      `--tls-cert-file=${file('apiserver.crt')}`, `--tls-private-key-file=${file('apiserver.key')}`, `--client-ca-file=${file('ca.crt')}`, '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16', '--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${file('sa.pub')}`, `--service-account-signing-key-file=${file('sa.key')}`,
      `--audit-policy-file=${file('audit.yaml')}`, `--audit-log-path=${this.auditLog}`, '--audit-log-mode=batch', '--audit-log-batch-max-wait=1s', `--token-auth-file=${file('tokens.csv')}`, '--profiling=false');
    // Ready: the roles of the other parts are there, too.
    await this.#answers('kube-apiserver', 180, () => new Promise((resolve) => {
      get(`${this.#url}/readyz`, { ca: readFileSync(file('ca.crt')) }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      }).once('error', () => { resolve(false); });
    }));
    const client = await this.client();
    this.#run('kube-controller-manager', `--kubeconfig=${this.kubeconfig('kube-controller-manager')}`, `--authentication-kubeconfig=${this.kubeconfig('kube-controller-manager')}`,
      `--authorization-kubeconfig=${this.kubeconfig('kube-controller-manager')}`, '--bind-address=127.0.0.1', `--secure-port=${manager}`, '--leader-elect=false', '--use-service-account-credentials=true',
      `--service-account-private-key-file=${file('sa.key')}`, `--root-ca-file=${file('ca.crt')}`, '--allocate-node-cidrs=false', '--kube-api-qps=2000', '--kube-api-burst=4000', '--concurrent-job-syncs=50',
      '--service-cluster-ip-range=10.96.0.0/16', '--profiling=false');
    const accounts = { group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true };
    await this.#answers('kube-controller-manager', 180, async () => await client.find(accounts, { name: 'default', namespace: 'default' }) !== undefined);
    await client.close();
  }

  #run(part: string, ...args: string[]): void {
    const log = openSync(join(this.folder, `${part}.log`), 'a');
    const child = spawn(this.#binary, [part, ...args], { cwd: this.folder, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#children.set(part, child);
    // However this process ends, they do not stay.
    process.once('exit', () => { child.kill('SIGKILL'); });
  }

  async #answers(part: string, seconds: number, ask: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (!await ask().catch(() => false)) {
      const child = this.#children.get(part);
      if (performance.now() > end || child?.exitCode !== null) {
        const log = readFileSync(join(this.folder, `${part}.log`), 'utf8').trim().split('\n').slice(-5).join('\n');
        throw new Error(`${part} did not come up within ${seconds} s. The end of its log:\n${log}`);
      }
      await sleep(100);
    }
  }

  #certificates(): void {
    const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] }); };
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/CN=ca', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'sa.key');
    openssl('pkey', '-in', 'sa.key', '-pubout', '-out', 'sa.pub');
    const certificate = (name: string, subject: string, addresses = ''): void => {
      openssl('req', ...key, '-keyout', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
      writeFileSync(join(this.folder, `${name}.ext`), `keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n${addresses}\n`);
      openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.crt`);
    };
    certificate('apiserver', '/CN=kube-apiserver', 'subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost');
    const base64 = (name: string): string => readFileSync(join(this.folder, name)).toString('base64');
    for (const [user, subject] of Object.entries(USERS)) {
      certificate(user, subject);
      writeFileSync(join(this.folder, `${user}.conf`), JSON.stringify({
        apiVersion: 'v1', kind: 'Config', clusters: [{ name: 'c', cluster: { server: this.#url, 'certificate-authority-data': base64('ca.crt') } }],
        users: [{ name: 'u', user: { 'client-certificate-data': base64(`${user}.crt`), 'client-key-data': base64(`${user}.key`) } }],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'current-context': 'c',
      }));
    }
  }
}
