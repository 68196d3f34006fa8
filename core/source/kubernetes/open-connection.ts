import * as tls from 'node:tls'
import { ApiError } from './api-error.ts'
import { addressOf, type Connection, type ConnectionOptions } from './connection.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2-connection.ts'

/**
 * Opens HTTP/2 where the server offers it in the TLS handshake, else HTTP/1.1.
 * Throws {@link ApiError} `API_UNREACHABLE` or `API_SILENT`.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  if (options.credentials.server.protocol === 'http:') return new Http1Connection(options)
  const socket = await handshake(options)
  if (socket.alpnProtocol === 'h2') return new Http2Connection(options, socket)
  socket.destroy()
  return new Http1Connection(options)
}

function handshake({ credentials, clock, timings }: ConnectionOptions): Promise<tls.TLSSocket> {
  const { server } = credentials
  const address = addressOf(server)
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...address, ...credentials.tls, ALPNProtocols: ['h2', 'http/1.1'] })
    const fail = (error: Error) => {
      callOff()
      socket.destroy()
      reject(error)
    }
    const callOff = clock.after(timings.connectTimeoutMs, () =>
      fail(new ApiError('API_SILENT', `${server.origin} did not finish a TLS handshake in time`)),
    )
    const onError = (error: Error) =>
      fail(
        new ApiError('API_UNREACHABLE', `cannot connect to ${server.origin}: ${reasonOf(error)}`, {
          cause: error,
        }),
      )
    socket.once('error', onError)
    socket.once('secureConnect', () => {
      callOff()
      socket.off('error', onError)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

/** A name with several addresses fails with one error for each, in an error without a message. */
function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message
  return error.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
}
