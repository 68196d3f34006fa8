import test from 'ava'
import { modulesOf } from '../kernel/probe.ts'
import { parsedSettings } from './parsed-settings.ts'

test('every module that sets, rules and virtual servers need is asked for', (t) => {
  t.deepEqual([...modulesOf(parsedSettings({ scheduler: 'wrr' }, 14)).keys()].sort(), [
    'ip6t_REJECT',
    'ip_set_hash_ip',
    'ip_set_hash_ipport',
    'ip_set_hash_ipportnet',
    'ip_set_hash_net',
    'ip_set_hash_netnet',
    'ip_vs',
    'ip_vs_mh',
    'ip_vs_wrr',
    'ipt_REJECT',
    'xt_MASQUERADE',
    'xt_NETMAP',
    'xt_addrtype',
    'xt_connmark',
    'xt_conntrack',
    'xt_ipvs',
    'xt_mark',
    'xt_set',
  ])
})
