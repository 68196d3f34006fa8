/** Sends for so many milliseconds as fast as it can, and prints the bytes that were taken: see tcp-flow.ts. */
import { connect } from 'node:net'

const [address = '', port, milliseconds] = process.argv.slice(2)
const chunk = Buffer.alloc(256 * 1024)
/** The sink may yet have to start. */
const giveUpAt = Date.now() + 10_000

attempt()

function attempt(): void {
  const socket = connect(Number(port), address, () => {
    const end = Date.now() + Number(milliseconds)
    const send = () => {
      do {
        if (Date.now() > end) {
          process.stdout.write(String(socket.bytesWritten - socket.writableLength), () => process.exit())
          return
        }
      } while (socket.write(chunk))
    }
    socket.on('drain', send)
    send()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNREFUSED' || Date.now() > giveUpAt) throw error
    setTimeout(attempt, 100)
  })
}
