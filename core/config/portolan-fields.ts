import type { Fields, ValuesOf } from './field.ts'
import { choice, duration, type FieldKind, flag, isMapping, name } from './field-kind.ts'

/** `NAME=VALUE` after a flag; a mapping in a file, where numbers and switches need no quotes. */
const options: FieldKind<Readonly<Record<string, string>>> = {
  name: 'NAME=VALUE',
  expects: 'NAME=VALUE',
  fromText: (written) => {
    const equals = written.indexOf('=')
    return equals < 1 ? undefined : { [written.slice(0, equals)]: written.slice(equals + 1) }
  },
  fromDocument: (value) => {
    if (!isMapping(value)) return undefined
    const entries = Object.entries(value)
    const plain = entries.filter(([, one]) => ['string', 'number', 'boolean'].includes(typeof one))
    return plain.length < entries.length
      ? undefined
      : Object.fromEntries(plain.map(([name, one]) => [name, String(one)]))
  },
  toDocument: (value) => value,
}

/** The fields of PortolanConfiguration: what kube-proxy has no word for. Their flags go before them. */
export const portolanFields = {
  dataplane: {
    kind: name,
    standard: '',
    means:
      'nftables, iptables, ipvs, ebpf, an installed package, or a path that starts with ./ or /; empty: what mode says',
  },
  dataplaneOptions: {
    kind: options,
    standard: {},
    means: "options of the dataplane, see 'portolan help-dataplane NAME'",
  },
  startupTaint: {
    kind: flag,
    standard: false,
    means:
      'take the taint portolan.dev/not-in-sync off this node when its Services work for the first time, for which a node is made with it',
  },
  auditPeriod: {
    kind: duration({ max: 3_600_000 }, '250ms'),
    standard: 1000,
    means:
      'interval of the check whether another tool changed our rules, which are then repaired; takes 1 % of a CPU at most, or comes every 30 s; 0: never',
  },
  takeOver: {
    kind: flag,
    standard: false,
    means:
      "take over from a kube-proxy on this node: wait until it has ended, and remove its rules then, which the kernel's connections outlive",
  },
  drainTimeout: {
    kind: duration({ max: 7 * 86_400_000 }, '1h'),
    standard: 86_400_000,
    means:
      'how long the rules of the dataplane that served this node before stay for its established connections, where they need them; 0: not at all',
  },
  logLevel: {
    kind: choice(['', 'debug', 'info', 'warn', 'error']),
    standard: '',
    means: 'least important lines of the log: debug, info, warn or error; empty: what the verbosity says',
  },
} as const satisfies Fields

export type PortolanPath = keyof typeof portolanFields

export type PortolanValues = ValuesOf<typeof portolanFields>
