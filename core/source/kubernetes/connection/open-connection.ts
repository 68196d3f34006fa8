import { isIP } from 'node:net'
import * as tls from 'node:tls'
import { ApiError } from './api-error.ts'
import { addressOf, type Connection, type ConnectionOptions } from './connection.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2-connection.ts'

/**
 * Opens HTTP/2 where the server offers it in the TLS handshake, else HTTP/1.1. Resolves once the server's own process
 * has answered: its kernel accepts connections for a process that is stopped, too.
 * Throws {@link ApiError} `API_UNREACHABLE`, `API_SILENT` or `API_TLS`.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  if (options.credentials.server.protocol === 'http:') return await openPlain(options)
  const socket = await handshake(options)
  if (socket.alpnProtocol === 'h2') return new Http2Connection(options, socket)
  socket.destroy()
  return new Http1Connection(options)
}

async function openPlain(options: ConnectionOptions): Promise<Connection> {
  const connection = new Http1Connection(options)
  try {
    await connection.answers()
    return connection
  } catch (error) {
    const { origin } = options.credentials.server
    const failure = new ApiError('API_UNREACHABLE', `cannot connect to ${origin}: ${reasonOf(error)}`, {
      cause: error,
    })
    connection.close(failure)
    throw failure
  }
}

/** What the network says of a server that isn't there; anything else that ends a handshake is TLS's. */
const networkErrors = /^(ECONN|EHOST|ENET|EADDR|ETIMEDOUT|EPIPE|EAI_|ENOTFOUND)/

function handshake({ credentials, clock, timings, signal }: ConnectionOptions): Promise<tls.TLSSocket> {
  const { server } = credentials
  const address = addressOf(server)
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...address, ...credentials.tls, ALPNProtocols: ['h2', 'http/1.1'] })
    const settle = () => {
      cancelTcp()
      cancel()
      signal.removeEventListener('abort', stop)
    }
    const fail = (error: Error) => {
      settle()
      socket.destroy()
      reject(error)
    }
    const stop = () => fail(new ApiError('API_UNREACHABLE', 'stopped'))
    signal.addEventListener('abort', stop, { once: true })
    const within = (limitMs: number, what: string) =>
      clock.after(limitMs, () => fail(new ApiError('API_SILENT', `${server.origin} did not ${what} in time`)))
    const cancel = within(timings.connectTimeoutMs, 'finish a TLS handshake')
    // A connection that was asked for while the link was cut would be asked for again only seconds after it is back.
    // Name resolution isn't part of it: resolvers have longer timeouts of their own.
    let cancelTcp = () => {}
    const tcpBegins = () => {
      cancelTcp = within(timings.tcpTimeoutMs, 'accept a TCP connection')
    }
    if (isIP(address.host)) tcpBegins()
    else socket.once('lookup', (error) => error === null && tcpBegins())
    socket.once('connect', () => cancelTcp())
    const onError = (error: Error) => {
      const code = networkErrors.test(codeOf(error)) ? 'API_UNREACHABLE' : 'API_TLS'
      fail(new ApiError(code, `cannot connect to ${server.origin}: ${reasonOf(error)}`, { cause: error }))
    }
    // Stays: TLS reports errors of a socket that has been destroyed, and without a listener they would end the process.
    socket.on('error', onError)
    socket.once('secureConnect', () => {
      settle()
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

function codeOf(error: Error): string {
  const first = error instanceof AggregateError ? error.errors[0] : error
  return first instanceof Error && 'code' in first ? String(first.code) : ''
}

/** A name with several addresses fails with one error for each, in an error without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
