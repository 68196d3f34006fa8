import { access } from 'node:fs/promises'
import test from 'ava'
import { RealApiServer } from '../real-api-server.ts'
import { realApiServerTest } from '../real-test.ts'

const real = realApiServerTest(test)
const namespaces = '/api/v1/namespaces'

const namespace = (name: string) => ({ metadata: { name } })

real('starts again with what it had, or with what a backup has, and leaves nothing behind', async (t) => {
  const server = await RealApiServer.start()
  let pid = server.pid
  try {
    const { client } = server
    t.is((await client.request('POST', namespaces, { body: namespace('before') })).status, 201)
    const backup = await server.backUp()
    t.is((await client.request('POST', namespaces, { body: namespace('after') })).status, 201)
    await server.kill()
    await server.start()
    t.is((await client.get(`${namespaces}/after`)).status, 200)
    await server.restore(backup)
    t.is((await client.get(`${namespaces}/before`)).status, 200)
    t.is((await client.get(`${namespaces}/after`)).status, 404)
    pid = server.pid
  } finally {
    await server[Symbol.asyncDispose]()
  }
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  await t.throwsAsync(access(server.folder))
})

real('accepts the tokens that it was started with, and says which release it is', async (t) => {
  await using server = await RealApiServer.start({
    tokens: { secret: { name: 'node-1', groups: ['nodes'] } },
  })
  const withToken = (token: string) => server.client.request('GET', '/version', { token })
  t.is((await withToken('another')).status, 401)
  const { status, body } = await withToken('secret')
  t.is(status, 200)
  t.regex(body.gitVersion, /^v1\.\d+\.\d+$/)
  server.replaceTokens({})
  await server.shutDown()
  await server.start()
  t.is((await withToken('secret')).status, 401)
})
