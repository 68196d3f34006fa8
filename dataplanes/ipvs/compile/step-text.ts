import type { Address, IpFamily } from '@portolan/core'
import { elementKey, elementText } from '../layout/element.ts'
import { ourFlag, persistentFlag, schedulerFlags } from '../layout/server-flags.ts'
import { kernelName } from '../layout/sets.ts'
import type { ServerPlace, ServerTerms } from '../layout/virtual-server.ts'
import type { Step } from './step.ts'

/** The program of the system that does such a step. */
export function programOf(step: Step): 'ipset' | 'ipvsadm' {
  return 'set' in step ? 'ipset' : 'ipvsadm'
}

/** The step as a line for `ipset restore` or `ipvsadm --restore`, and for a person. */
export function stepText(family: IpFamily, step: Step): string {
  switch (step.do) {
    case 'add-server':
      return `-A ${placeText(family, step.place)} ${termsText(step.terms)}`
    case 'edit-server':
      return `-E ${placeText(family, step.place)} ${termsText(step.terms)}`
    case 'delete-server':
      return `-D ${placeText(family, step.place)}`
    case 'add-destination':
      return `-a ${placeText(family, step.place)} -r ${endpointText(step.endpoint)} -m -w ${step.weight ?? 1}`
    case 'weigh-destination':
      return `-e ${placeText(family, step.place)} -r ${endpointText(step.endpoint)} -m -w ${step.weight}`
    case 'delete-destination':
      return `-d ${placeText(family, step.place)} -r ${endpointText(step.endpoint)}`
    case 'add-element':
      return `add ${kernelName(family, step.set)} ${elementText(step.element)}`
    case 'delete-element':
      return `del ${kernelName(family, step.set)} ${elementKey(step.element)}`
  }
}

const protocolFlag = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' } as const

/** Which virtual server, as ipvsadm takes it. */
export function placeText(family: IpFamily, place: ServerPlace): string {
  // ipvsadm reads marks as decimal numbers only, and thinks of IPv4 unless told.
  if ('fwmark' in place) return `-f ${place.fwmark}${family === 'IPv6' ? ' -6' : ''}`
  return `${protocolFlag[place.protocol]} ${endpointText(place)}`
}

function endpointText({ address, port }: { readonly address: Address; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

const flagNames = [
  [schedulerFlags.fallback, 'flag-1'],
  [schedulerFlags.port, 'flag-2'],
  [ourFlag, 'flag-3'],
] as const

function termsText({ scheduler, flags, timeoutSeconds }: ServerTerms): string {
  const names = flagNames.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name)
  return [
    `-s ${scheduler}`,
    ...((flags & persistentFlag) === 0 ? [] : [`-p ${timeoutSeconds}`]),
    ...(names.length === 0 ? [] : [`-b ${names.join(',')}`]),
  ].join(' ')
}
