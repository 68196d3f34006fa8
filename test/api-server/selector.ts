import type { ResourceKind, StoredObject } from './api-object.ts'
import { StatusError } from './status-error.ts'

export type Selector = (object: StoredObject) => boolean

/**
 * Reads the selectors of a request: `key`, `!key`, `key=value`, `key==value`, `key!=value`, joined by commas.
 * Throws {@link StatusError} 400 for a field that the resource can't be selected by, as an API server does.
 */
export function readSelector(
  resource: ResourceKind,
  labelSelector: string | null,
  fieldSelector: string | null,
): Selector {
  const labels = readTerms(labelSelector).map((term) => matcher(term, (object) => object.labels[term.key]))
  const fields = readTerms(fieldSelector).map((term) => {
    if (!selectable(resource, term.key)) {
      throw new StatusError(400, 'BadRequest', `field label not supported: ${term.key}`)
    }
    return matcher(term, (object) => fieldOf(object, term.key))
  })
  const all = [...labels, ...fields]
  return (object) => all.every((matches) => matches(object))
}

interface Term {
  readonly key: string
  readonly operator: 'exists' | 'absent' | 'equal' | 'unequal'
  readonly value: string
}

function readTerms(text: string | null): Term[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(readTerm)
}

function readTerm(text: string): Term {
  const match = /^(!?)([^!=\s]+)(?:(!=|==?)(.*))?$/.exec(text)
  const [, negated, key, operator, value = ''] = match ?? []
  if (key === undefined || (negated === '!' && operator !== undefined)) {
    throw new StatusError(400, 'BadRequest', `unable to parse requirement: ${text}`)
  }
  if (operator === undefined) return { key, operator: negated === '!' ? 'absent' : 'exists', value }
  return { key, operator: operator === '!=' ? 'unequal' : 'equal', value }
}

function matcher(term: Term, read: (object: StoredObject) => string | undefined): Selector {
  switch (term.operator) {
    case 'exists':
      return (object) => read(object) !== undefined
    case 'absent':
      return (object) => read(object) === undefined
    case 'equal':
      return (object) => read(object) === term.value
    case 'unequal':
      return (object) => read(object) !== term.value
  }
}

function selectable(resource: ResourceKind, field: string): boolean {
  if (field === 'metadata.name') return true
  if (field === 'metadata.namespace') return resource.namespaced
  return resource.selectableFields.includes(field)
}

function fieldOf(object: StoredObject, field: string): string {
  if (field === 'metadata.name') return object.name
  if (field === 'metadata.namespace') return object.namespace
  return object.fields[field] ?? ''
}
