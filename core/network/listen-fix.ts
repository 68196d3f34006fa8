/**
 * What an operator can do about an address that can't be listened on.
 *
 * @param code the system's: `EADDRINUSE`
 */
export function listenFix(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return "another program has the port, such as a kube-proxy that still runs: 'ss -ltnp' names it"
    case 'EACCES':
      return 'ports below 1024 need CAP_NET_BIND_SERVICE'
    case 'EADDRNOTAVAIL':
      return 'this node has no such address (yet)'
    case 'EMFILE':
    case 'ENFILE':
      return 'the process is out of file descriptors: raise its limit (LimitNOFILE in systemd)'
    default:
      return 'check the address and the port'
  }
}
