import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ApiServer, type CertifiedKey } from '@portolan/api-server'
import test, { type ExecutionContext } from 'ava'
import type { Clock } from '../../../../time/clock.ts'
import type { Credentials } from '../credentials.ts'
import { kubeconfigCredentials } from '../kubeconfig.ts'
import { pluginUserReader } from '../kubeconfig-library.ts'

/** Real certificates: an authority and two client certificates of it. */
let authority = ''
let first: CertifiedKey
let second: CertifiedKey
test.before(async () => {
  await using server = new ApiServer({ clientCertificates: true })
  await server.start()
  authority = server.certificateAuthority ?? ''
  first = await server.issueClientCertificate('first')
  second = await server.issueClientCertificate('second')
})

type Fields = Readonly<Record<string, unknown>>
type Files = Readonly<Record<string, string>>

interface Folder {
  readonly kubeconfig: string
  write(files: Files): Promise<void>
  writeKubeconfig(cluster: Fields, user?: Fields): Promise<void>
}

async function folder(t: ExecutionContext): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'portolan-kubeconfig-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  await mkdir(join(path, 'pki'))
  const kubeconfig = join(path, 'config')
  return {
    kubeconfig,
    async write(files) {
      for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
    },
    async writeKubeconfig(cluster, user) {
      const text = JSON.stringify({
        'current-context': 'home',
        contexts: [
          { name: 'home', context: { cluster: 'here', ...(user === undefined ? {} : { user: 'me' }) } },
        ],
        clusters: [{ name: 'here', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
        users: [
          // Other users' files are none of our business.
          {
            name: 'other',
            user: { tokenFile: '/nowhere', 'token-file': '/nowhere', 'client-certificate-data': '!' },
          },
          ...(user === undefined ? [] : [{ name: 'me', user }]),
        ],
      })
      await writeFile(kubeconfig, text)
    },
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64')
const plain = ({ tls, headers }: Credentials) => ({ tls: { ...tls }, headers: { ...headers } })

interface Form {
  readonly what: string
  readonly cluster?: () => Fields
  readonly user?: () => Fields
  readonly files?: () => Files
  readonly tls?: () => Fields
  readonly headers?: Readonly<Record<string, string>>
}

const forms: readonly Form[] = [
  { what: 'nobody' },
  { what: 'a user without anything', user: () => ({}) },
  { what: 'a token', user: () => ({ token: 'abc' }), headers: { authorization: 'Bearer abc' } },
  {
    what: "kubeadm's kube-proxy: a token file and an authority file",
    cluster: () => ({ 'certificate-authority': 'pki/ca.crt' }),
    user: () => ({ tokenFile: 'pki/token' }),
    files: () => ({ 'pki/ca.crt': authority, 'pki/token': 'abc\n' }),
    tls: () => ({ ca: authority }),
    headers: { authorization: 'Bearer abc' },
  },
  {
    what: 'a token file, which goes before a token',
    user: () => ({ token: 'old', tokenFile: 'token' }),
    files: () => ({ token: 'new' }),
    headers: { authorization: 'Bearer new' },
  },
  {
    what: 'k3s: certificate, key and authority as data',
    cluster: () => ({ 'certificate-authority-data': base64(authority) }),
    user: () => ({ 'client-certificate-data': base64(first.cert), 'client-key-data': base64(first.key) }),
    tls: () => ({ ca: authority, cert: first.cert, key: first.key }),
  },
  {
    what: 'certificate and key as files',
    user: () => ({ 'client-certificate': 'me.crt', 'client-key': './pki/me.key' }),
    files: () => ({ 'me.crt': first.cert, 'pki/me.key': first.key }),
    tls: () => ({ cert: first.cert, key: first.key }),
  },
  {
    what: "the kubelet's: certificate and key in one file",
    user: () => ({ 'client-certificate': 'me.pem', 'client-key': 'me.pem' }),
    files: () => ({ 'me.pem': `${first.cert}\n${first.key}` }),
    tls: () => ({ cert: `${first.cert}\n${first.key}`, key: `${first.cert}\n${first.key}` }),
  },
  {
    what: 'a certificate as data and its key as a file',
    user: () => ({ 'client-certificate-data': base64(first.cert), 'client-key': 'me.key' }),
    files: () => ({ 'me.key': first.key }),
    tls: () => ({ cert: first.cert, key: first.key }),
  },
  {
    what: 'data, which goes before a file; folded over lines',
    cluster: () => ({
      'certificate-authority': 'nowhere.crt',
      'certificate-authority-data': base64(authority).replace(/.{64}/g, '$&\n'),
    }),
    tls: () => ({ ca: authority }),
  },
  {
    what: 'a bundle of several authorities with words between them',
    cluster: () => ({ 'certificate-authority': 'ca.crt' }),
    files: () => ({ 'ca.crt': `# ours\n${authority}# theirs\n${first.cert}` }),
    tls: () => ({ ca: `# ours\n${authority}# theirs\n${first.cert}` }),
  },
  {
    what: 'user name and password',
    user: () => ({ username: 'u', password: 'p' }),
    headers: { authorization: `Basic ${base64('u:p')}` },
  },
  {
    what: 'impersonation',
    user: () => ({ token: 'abc', as: 'proxy' }),
    headers: { authorization: 'Bearer abc', 'impersonate-user': 'proxy' },
  },
  {
    what: 'insecure-skip-tls-verify and tls-server-name',
    cluster: () => ({ 'insecure-skip-tls-verify': true, 'tls-server-name': 'kubernetes' }),
    tls: () => ({ rejectUnauthorized: false, servername: 'kubernetes' }),
  },
  {
    what: 'empty fields, which are as good as none',
    cluster: () => ({ 'certificate-authority': '', 'proxy-url': '', 'tls-server-name': null }),
    user: () => ({ token: '', tokenFile: null, exec: null, 'auth-provider': null, 'client-key-data': '' }),
  },
]
for (const form of forms) {
  test(`a kubeconfig with ${form.what} gives what it says`, async (t) => {
    const { kubeconfig, write, writeKubeconfig } = await folder(t)
    await write(form.files?.() ?? {})
    await writeKubeconfig(form.cluster?.() ?? {}, form.user?.())
    const credentials = await (await kubeconfigCredentials(kubeconfig)).read('routine')
    t.is(credentials.server.origin, 'https://10.0.0.1:6443')
    t.deepEqual(plain(credentials), { tls: form.tls?.() ?? {}, headers: form.headers ?? {} })
  })
}

test('absolute paths are taken as they are', async (t) => {
  const [here, there] = [await folder(t), await folder(t)]
  await there.write({ token: 'abc' })
  await here.writeKubeconfig({}, { tokenFile: join(there.kubeconfig, '../token') })
  const { headers } = await (await kubeconfigCredentials(here.kubeconfig)).read('routine')
  t.is(headers.authorization, 'Bearer abc')
})

test('plain http is allowed, and carries the token', async (t) => {
  const { kubeconfig, writeKubeconfig } = await folder(t)
  await writeKubeconfig({ server: 'http://127.0.0.1:8001' }, { token: 'abc' })
  const { server, headers } = await (await kubeconfigCredentials(kubeconfig)).read('routine')
  t.deepEqual([server.origin, headers.authorization], ['http://127.0.0.1:8001', 'Bearer abc'])
})

for (const why of ['routine', 'refused'] as const) {
  test(`a rotated token file is read at the next ${why} read`, async (t) => {
    const { kubeconfig, write, writeKubeconfig } = await folder(t)
    await write({ token: 'first' })
    await writeKubeconfig({}, { tokenFile: 'token' })
    const source = await kubeconfigCredentials(kubeconfig)
    t.is((await source.read('routine')).headers.authorization, 'Bearer first')
    await write({ token: 'second' })
    t.is((await source.read(why)).headers.authorization, 'Bearer second')
  })

  test(`rotated certificate files are read at the next ${why} read, and only as a pair`, async (t) => {
    const { kubeconfig, write, writeKubeconfig } = await folder(t)
    await write({ 'ca.crt': authority, 'me.crt': first.cert, 'me.key': first.key })
    await writeKubeconfig(
      { 'certificate-authority': 'ca.crt' },
      { 'client-certificate': 'me.crt', 'client-key': 'me.key' },
    )
    const source = await kubeconfigCredentials(kubeconfig)
    t.deepEqual((await source.read('routine')).tls, { ca: authority, cert: first.cert, key: first.key })
    await write({ 'ca.crt': authority + authority, 'me.crt': second.cert })
    await t.throwsAsync(source.read(why), {
      code: 'CREDENTIAL_READ',
      message: /client-certificate \/.*me\.crt was not issued for the key in client-key \/.*me\.key/,
    })
    await write({ 'me.key': second.key })
    t.deepEqual((await source.read(why)).tls, {
      ca: authority + authority,
      cert: second.cert,
      key: second.key,
    })
  })
}

test('a kubeconfig that changes is read again, also when its new user needs a plugin', async (t) => {
  const { kubeconfig, writeKubeconfig } = await folder(t)
  await writeKubeconfig({}, { token: 'first' })
  const source = await kubeconfigCredentials(kubeconfig)
  await writeKubeconfig({ server: 'https://10.0.0.2:6443' }, { token: 'second' })
  const { server, headers } = await source.read('routine')
  t.deepEqual([server.origin, headers.authorization], ['https://10.0.0.2:6443', 'Bearer second'])
  await writeKubeconfig({}, { exec: { command: 'printf', args: ['{"status":{"token":"third"}}'] } })
  t.is((await source.read('routine')).headers.authorization, 'Bearer third')
})

const secret = 's3cr3t-and-never-shown'

/** What no retry can fix: told at once. */
const broken: readonly (readonly [string, () => readonly [Fields, Fields], RegExp])[] = [
  [
    'an authority that is no base64',
    () => [{ 'certificate-authority-data': `${secret}!` }, {}],
    /cluster "here" with certificate-authority-data that is no base64: encode the PEM file with base64 -w0/,
  ],
  [
    'an authority that is no PEM',
    () => [{ 'certificate-authority-data': base64(secret) }, {}],
    /certificate-authority-data that holds no PEM certificate/,
  ],
  [
    'a bundle whose second authority is broken',
    () => [
      {
        'certificate-authority-data': base64(
          authority + authority.replace('MII', 'AAA').replace(/\nMI/, '\nAA'),
        ),
      },
      {},
    ],
    /certificate-authority-data that holds a broken certificate \(number 2 of 2\)/,
  ],
  [
    'a key that is no PEM',
    () => [{}, { 'client-certificate-data': base64(first.cert), 'client-key-data': base64(secret) }],
    /user "me" with client-key-data that holds no PEM private key without a passphrase/,
  ],
  [
    'a certificate cut off in its base64',
    () => [{}, { 'client-certificate-data': base64(first.cert).slice(0, 101), 'client-key-data': 'AAAA' }],
    /user "me" with client-certificate-data that is no base64/,
  ],
  [
    'a certificate without a key',
    () => [{}, { 'client-certificate': 'me.crt' }],
    /user "me" with client-certificate but no client-key: add its private key/,
  ],
  [
    'a key without a certificate',
    () => [{}, { 'client-key': 'me.key' }],
    /user "me" with client-key but no client-certificate: add its certificate/,
  ],
  [
    'a token that is a number',
    () => [{}, { token: 12345678 }],
    /user "me" with token that is no text: put it in quotes/,
  ],
  [
    'a token of two lines',
    () => [{}, { token: `${secret}\n` }],
    /user "me" with token that no HTTP header can carry/,
  ],
  [
    'disable-compression in quotes',
    () => [{ 'disable-compression': 'true' }, {}],
    /cluster "here" with disable-compression that is neither true nor false/,
  ],
  [
    'insecure-skip-tls-verify in quotes',
    () => [{ 'insecure-skip-tls-verify': 'true' }, {}],
    /cluster "here" with insecure-skip-tls-verify that is neither true nor false/,
  ],
  [
    'impersonated groups, which would be lost',
    () => [{}, { token: secret, as: 'a', 'as-groups': ['b'] }],
    /user "me" with as-groups, which is not supported/,
  ],
  [
    'a proxy with a password',
    () => [{ 'proxy-url': `http://me:${secret}@proxy:3128` }, {}],
    /proxy-url "http:\/\/proxy:3128", which is not supported/,
  ],
  [
    'a server without a scheme',
    () => [{ server: `me:${secret}@10.0.0.1` }, {}],
    /server "10.0.0.1": want a URL/,
  ],
]
for (const [what, entries, message] of broken) {
  test(`${what} is refused at once in one line that shows no secret`, async (t) => {
    const { kubeconfig, writeKubeconfig } = await folder(t)
    await writeKubeconfig(...entries())
    const error = await t.throwsAsync(kubeconfigCredentials(kubeconfig), {
      code: 'CREDENTIAL_CONFIG',
      message,
    })
    t.true(error?.message.startsWith(`kubeconfig ${kubeconfig} has `))
    t.false(/[\n]|s3cr3t|12345678/.test(error?.message ?? ''))
  })
}

test('a user that is not among the users is refused, instead of being anonymous', async (t) => {
  const { kubeconfig, writeKubeconfig } = await folder(t)
  await writeKubeconfig({}, {})
  await writeFile(
    kubeconfig,
    'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: me}}]\nclusters: [{name: c, cluster: {server: "https://10.0.0.1"}}]\n',
  )
  await t.throwsAsync(kubeconfigCredentials(kubeconfig), {
    code: 'CREDENTIAL_CONFIG',
    message: /has a context "a" whose user "me" is not among its users/,
  })
})

const notYaml = [
  [
    'a line out of place',
    `users:\n- name: me\n  user: {token: ${secret}}\n ${secret}: [`,
    /no YAML at line 4, column \d+ \([A-Z_]+\)/,
  ],
  ['a garbled token', `token: "${secret}" ${secret}\n`, /no YAML at line 1, column \d+ \([A-Z_]+\)/],
  ['an alias that leads nowhere', `token: *${secret}\n`, /is no kubeconfig: it has YAML aliases/],
  ['a key that is a mapping', '? '.repeat(3000), /no YAML at line 1, column \d+ \([A-Z_]+\)/],
  ['a list', `- ${secret}\n`, /is no kubeconfig: want a mapping/],
] as const
for (const [what, text, message] of notYaml) {
  test(`${what} is told by its place, without the text around it`, async (t) => {
    const { kubeconfig } = await folder(t)
    await writeFile(kubeconfig, text)
    const error = await t.throwsAsync(kubeconfigCredentials(kubeconfig), {
      code: 'CREDENTIAL_CONFIG',
      message,
    })
    t.false(/\n|s3cr3t/.test(error?.message ?? ''))
  })
}

/** What the next read may find fixed: told at the read, never before. */
const unreadable: readonly (readonly [string, Fields, Fields, () => Files, () => Files, RegExp])[] = [
  [
    'a token file that is missing',
    {},
    { tokenFile: 'token' },
    () => ({}),
    () => ({ token: 'abc' }),
    /^tokenFile \/.*\/token cannot be read \(ENOENT\): mount it, or correct its path$/,
  ],
  [
    'a token file that is empty',
    {},
    { tokenFile: 'token' },
    () => ({ token: ' \n' }),
    () => ({ token: 'abc' }),
    /^tokenFile \/.*\/token is empty/,
  ],
  [
    'a token file with two words',
    {},
    { tokenFile: 'token' },
    () => ({ token: `${secret} ${secret}` }),
    () => ({ token: 'abc' }),
    /^tokenFile \/.*\/token holds no bearer token/,
  ],
  [
    'an authority file that is missing',
    { 'certificate-authority': 'ca.crt' },
    {},
    () => ({}),
    () => ({ 'ca.crt': authority }),
    /^certificate-authority \/.*\/ca\.crt cannot be read \(ENOENT\)/,
  ],
  [
    'an authority file that is half written',
    { 'certificate-authority': 'ca.crt' },
    {},
    () => ({ 'ca.crt': '-----BEGIN CERTIFICATE-----\nMIIB' }),
    () => ({ 'ca.crt': authority }),
    /^certificate-authority \/.*\/ca\.crt holds no PEM certificate/,
  ],
  [
    'a key file that holds no key',
    {},
    { 'client-certificate': 'me.crt', 'client-key': 'me.key' },
    () => ({ 'me.crt': first.cert, 'me.key': secret }),
    () => ({ 'me.key': first.key }),
    /^client-key \/.*\/me\.key holds no PEM private key/,
  ],
]
for (const [what, cluster, user, files, fixed, message] of unreadable) {
  test(`${what} is told in one line when it is read, and found once it is there`, async (t) => {
    const { kubeconfig, write, writeKubeconfig } = await folder(t)
    await write(files())
    await writeKubeconfig(cluster, user)
    const source = await kubeconfigCredentials(kubeconfig)
    const error = await t.throwsAsync(source.read('routine'), { code: 'CREDENTIAL_READ', message })
    t.false(/\n|s3cr3t/.test(error?.message ?? ''))
    await write(fixed())
    await t.notThrowsAsync(source.read('routine'))
  })
}

const failingPlugins = [
  ['that prints something else', { command: 'printf', args: [secret] }, /user "me" gave no credentials/],
  [
    'that prints no status',
    { command: 'printf', args: [`{"token":"${secret}"}`] },
    /user "me" gave no credentials/,
  ],
  ['that fails', { command: 'ls', args: ['--nonsense', secret] }, /user "me" failed: ls: /],
  ['that is missing', { command: '/nowhere/plugin' }, /user "me" failed: .*ENOENT/],
] as const
for (const [what, exec, message] of failingPlugins) {
  test(`an exec plugin ${what} is told in one line when it is asked`, async (t) => {
    const { kubeconfig, writeKubeconfig } = await folder(t)
    await writeKubeconfig({}, { exec })
    const source = await kubeconfigCredentials(kubeconfig)
    const error = await t.throwsAsync(source.read('routine'), { code: 'CREDENTIAL_READ', message })
    t.false(/\n|s3cr3t/.test(error?.message ?? ''))
    t.is(error?.cause, undefined)
  })
}

test('an exec plugin that hangs is told as that, no other is started beside it, and its answer is taken when it comes', async (t) => {
  const { kubeconfig } = await folder(t)
  const [starts, gate] = [`${kubeconfig}.starts`, `${kubeconfig}.gate`]
  const script = `echo >> '${starts}'; while [ ! -e '${gate}' ]; do sleep 0.05; done; printf '{"status":{"token":"late"}}'`
  const deadlines: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    after(_, task) {
      deadlines.push(task)
      return () => {}
    },
  }
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: ['-c', script] }
  const user = { kind: 'plugin', name: 'me', fields: { exec } } as const
  const read = await pluginUserReader(new URL('https://127.0.0.1:6443'), user, clock)
  const message = 'the plugin of user "me" has not answered for 60 s'
  for (const attempt of [1, 2]) {
    const refused = t.throwsAsync(read(), { code: 'CREDENTIAL_READ', message })
    while (deadlines.length < attempt) await new Promise((resolve) => setTimeout(resolve, 10))
    deadlines.at(-1)?.()
    await refused
  }
  const answer = read()
  await writeFile(gate, '')
  t.is((await answer).headers.authorization, 'Bearer late')
  t.is(await readFile(starts, 'utf8'), '\n', 'one line, of one plugin')
})

test("a plugin's user is trusted no more than the cluster says", async (t) => {
  const { kubeconfig, write, writeKubeconfig } = await folder(t)
  await write({ 'ca.crt': authority })
  const exec = { command: 'printf', args: ['{"status":{"token":"abc"}}'] }
  await writeKubeconfig({ 'certificate-authority': 'ca.crt', 'tls-server-name': 'kubernetes' }, { exec })
  t.deepEqual(plain(await (await kubeconfigCredentials(kubeconfig)).read('routine')), {
    tls: { ca: authority, servername: 'kubernetes' },
    headers: { authorization: 'Bearer abc' },
  })
})

const loading: readonly (readonly [string, () => Fields, boolean])[] = [
  ['nobody', () => ({}), false],
  ['a token', () => ({ token: 'abc' }), false],
  ['a token file', () => ({ tokenFile: 'token' }), false],
  ['certificate files', () => ({ 'client-certificate': 'me.crt', 'client-key': 'me.key' }), false],
  ['user name and password', () => ({ username: 'u', password: 'p' }), false],
  ['an exec plugin', () => ({ exec: { command: 'printf', args: ['{"status":{"token":"abc"}}'] } }), true],
  ['an auth provider', () => ({ 'auth-provider': { name: 'x', config: { tokenFile: '/dev/null' } } }), true],
]
for (const [what, user, loads] of loading) {
  test(`${what} ${loads ? 'loads' : 'does without'} the Kubernetes client library`, async (t) => {
    const { kubeconfig, write, writeKubeconfig } = await folder(t)
    await write({ token: 'abc', 'ca.crt': authority, 'me.crt': first.cert, 'me.key': first.key })
    await writeKubeconfig({ 'certificate-authority': 'ca.crt' }, user())
    const program = fileURLToPath(new URL('./loaded-packages.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [program, kubeconfig])
    const packages: string[] = JSON.parse(stdout)
    t.is(packages.includes('@kubernetes/client-node'), loads)
    if (!loads) t.deepEqual(packages, ['yaml'])
  })
}
