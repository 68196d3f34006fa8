import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { fingerprint } from '../credentials.ts'
import { inClusterCredentials } from '../in-cluster.ts'
import { kubeconfigCredentials } from '../kubeconfig.ts'

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-credentials-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const environments = [
  [{}, /KUBERNETES_SERVICE_HOST is not set.*kubeconfig/],
  [{ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: 'x' }, /make no address/],
] as const
for (const [environment, message] of environments) {
  test(`${JSON.stringify(environment)} is no pod, and the error says what to do`, (t) => {
    t.throws(() => inClusterCredentials({ environment }), { code: 'CREDENTIAL_CONFIG', message })
  })
}

test('an IPv6 service host gets its brackets', (t) => {
  const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
  t.regex(inClusterCredentials({ environment }).description, /^https:\/\/\[fd00::1\]:6443 /)
})

test('a service account whose token is missing is told when it is read', async (t) => {
  await inFolder(async (directory) => {
    const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    const source = inClusterCredentials({ environment, directory })
    await t.throwsAsync(source.read('routine'), {
      code: 'CREDENTIAL_READ',
      message: /\/(token|ca\.crt) cannot be read \(ENOENT\): mount it/,
    })
  })
})

/** A kubeconfig with one of everything; YAML as people write it. */
function kubeconfig(cluster: string, user: string): string {
  return `apiVersion: v1
kind: Config
current-context: home
contexts:
- name: home
  context: {cluster: here, user: me}
clusters:
- name: here
  cluster: ${cluster}
users:
- name: me
  user: ${user}
`
}

const broken = [
  ['not YAML', 'a: [', /is no kubeconfig/],
  ['empty', '', /(is no kubeconfig|has no current-context)/],
  ['without a context', 'apiVersion: v1\nkind: Config\nclusters: []\n', /has no current-context/],
  [
    'with a context that is not there',
    'apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: []\ncontexts: []\nusers: []\n',
    /"x", which is not among/,
  ],
  ['with a server that is no URL', kubeconfig('{server: "10.0.0.1"}', '{}'), /server "10.0.0.1": want a URL/],
  [
    'with a proxy',
    kubeconfig('{server: "https://10.0.0.1", proxy-url: "http://p:1"}', '{}'),
    /proxy-url .* not supported/,
  ],
] as const
for (const [what, text, message] of broken) {
  test(`a kubeconfig ${what} is refused with the reason`, async (t) => {
    await inFolder(async (folder) => {
      const path = join(folder, 'config')
      await writeFile(path, text)
      const error = await t.throwsAsync(kubeconfigCredentials(path), { code: 'CREDENTIAL_CONFIG', message })
      t.true(error?.message.includes(path))
    })
  })
}

test('a kubeconfig that is missing is refused with its path', async (t) => {
  const error = await t.throwsAsync(kubeconfigCredentials('/nowhere/config'), {
    code: 'CREDENTIAL_CONFIG',
    message: /\/nowhere\/config cannot be read/,
  })
  t.like(error, { fix: 'correct the file or entry that the message names' })
})

const users = [
  ['token', '{token: abc}', 'Bearer abc'],
  ['user name and password', '{username: u, password: p}', `Basic ${Buffer.from('u:p').toString('base64')}`],
] as const
for (const [what, user, authorization] of users) {
  test(`a kubeconfig's ${what} becomes the authorization header`, async (t) => {
    await inFolder(async (folder) => {
      const path = join(folder, 'config')
      await writeFile(path, kubeconfig('{server: "https://10.0.0.1:6443"}', user))
      const credentials = await (await kubeconfigCredentials(path)).read('routine')
      t.is(credentials.headers.authorization, authorization)
      t.is(credentials.server.origin, 'https://10.0.0.1:6443')
    })
  })
}

test('an exec plugin is asked, and asked again when its token was refused', async (t) => {
  await inFolder(async (folder) => {
    const plugin = join(folder, 'plugin')
    const counter = join(folder, 'count')
    await writeFile(counter, '')
    await writeFile(
      plugin,
      `#!/bin/sh
printf x >> ${counter}
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s","expirationTimestamp":"2999-01-01T00:00:00Z"}}' "$(cat ${counter})"
`,
    )
    await chmod(plugin, 0o700)
    const path = join(folder, 'config')
    const exec = `{exec: {apiVersion: client.authentication.k8s.io/v1, command: ${plugin}, interactiveMode: Never}}`
    await writeFile(path, kubeconfig('{server: "https://10.0.0.1:6443"}', exec))
    const source = await kubeconfigCredentials(path)
    const token = async (why: 'routine' | 'refused') => (await source.read(why)).headers.authorization
    t.is(await token('routine'), 'Bearer tx')
    t.is(await token('routine'), 'Bearer tx')
    t.is(await token('refused'), 'Bearer txx')
  })
})

test('a fingerprint tells credentials apart and holds no secret', (t) => {
  const base = {
    server: new URL('https://10.0.0.1'),
    tls: { ca: 'a' },
    headers: { authorization: 'Bearer s3cret' },
  }
  const same = fingerprint({ ...base })
  t.is(fingerprint(base), same)
  t.not(fingerprint({ ...base, tls: { ca: 'b' } }), same)
  t.not(fingerprint({ ...base, tls: { ca: Buffer.from('b') } }), same)
  t.not(fingerprint({ ...base, headers: { authorization: 'Bearer other' } }), same)
  t.not(fingerprint({ ...base, disableCompression: true }), same)
  t.false(same.includes('s3cret'))
})
