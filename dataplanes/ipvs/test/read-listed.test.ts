import test from 'ava'
import { readListed } from '../kernel/ipvsadm-output.ts'

const listed = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.10:80 rr (flag-3)
  -> 10.1.0.1:80                  Masq    1      4          0         
  -> 10.1.0.2:80                  Masq    0      0          7         
UDP  10.9.9.9:7 mh (mh-port) persistent 100
TCP  [fd00::9]:80 sh (sh-fallback,sh-port)
  -> [fd00::3]:80                 Masq    1      0          0         
FWM  1509949441 sh (sh-fallback)
  -> 10.1.0.3:80                  Masq    1      2          3         
FWM  1509949442 IPv6 rr (flag-3)
  -> [fd00::4]:80                 Masq    1      0          0         
`

test('one listing of ipvsadm tells the connections of every virtual server of a family', (t) => {
  const told = (family: 'IPv4' | 'IPv6') =>
    [...readListed(listed, family)].map(([key, observed]) => [
      String(key),
      observed.map(({ endpoint, weight, active, inactive }) =>
        [endpoint.address, weight, active, inactive].join(' '),
      ),
    ])
  t.deepEqual(told('IPv4'), [
    ['10.96.0.10|TCP|80', ['10.1.0.1 1 4 0', '10.1.0.2 0 0 7']],
    ['10.9.9.9|UDP|7', []],
    ['fwmark|1509949441', ['10.1.0.3 1 2 3']],
  ])
  t.deepEqual(told('IPv6'), [
    ['fd00::9|TCP|80', ['fd00::3 1 0 0']],
    ['fwmark|1509949442', ['fd00::4 1 0 0']],
  ])
})
