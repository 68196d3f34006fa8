/** A request that is answered with a `Status` object. */
export class StatusError extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.name = 'StatusError'
    this.status = status
    this.reason = reason
  }
}

export function statusObject(error: StatusError): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: error.message,
    reason: error.reason,
    code: error.status,
  }
}

export function expired(): StatusError {
  return new StatusError(410, 'Expired', 'The provided resourceVersion is too old: it has been compacted')
}
