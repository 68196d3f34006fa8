/** Takes whatever comes at a port: see tcp-flow.ts. */
import { createServer } from 'node:net'

createServer((socket) => socket.resume().on('error', () => {})).listen(Number(process.argv[2]))
