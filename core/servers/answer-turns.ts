import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that may wait for the answer to the one before. No client that we have sends even one. */
const maxWaiting = 16

interface Waiting {
  readonly response: ServerResponse
  readonly answer: () => void
}

/**
 * Has the requests of a connection wait until the answer before has gone out. Node.js would answer all that come in one
 * piece at once, hundreds of them, and keep their answers until the client reads them: one client could fill the memory.
 */
export class AnswerTurns {
  /** Of connections with an answer under way. */
  readonly #waiting = new WeakMap<Socket, Waiting[]>()

  /** @param answer ends `response`, or destroys it; called when it is its turn, if ever */
  take(socket: Socket, response: ServerResponse, answer: () => void): void {
    const waiting = this.#waiting.get(socket)
    if (waiting === undefined) {
      this.#waiting.set(socket, [])
      this.#begin(socket, { response, answer })
    } else if (waiting.length < maxWaiting) waiting.push({ response, answer })
    else socket.destroy()
  }

  #begin(socket: Socket, { response, answer }: Waiting): void {
    response.once('close', () => {
      const next = this.#waiting.get(socket)?.shift()
      if (next === undefined) this.#waiting.delete(socket)
      // The rest of a connection that ends is nobody's.
      else if (socket.writable) this.#begin(socket, next)
    })
    answer()
  }
}
