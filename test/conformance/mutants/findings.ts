import type { Finding } from './find-mutants.ts'

/** What dataplanes can do wrong in time: while they change, restart, are killed, damaged, removed. */
export const findings: readonly Finding[] = [
  {
    behaviour: 'dropsAtRestart',
    does: 'drops every packet to a Service for 2.5 s when it starts again',
    fails: 'a process that stops and one that starts lose no connection',
  },
  {
    behaviour: 'flushesFirst',
    does: 'removes everything before it reconciles at a start',
    fails: 'a process that stops and one that starts lose no connection',
  },
  {
    behaviour: 'flushesFirst',
    does: 'removes everything before it reconciles, in a process that is killed then',
    fails: 'a process that is killed while it applies disturbs no Service',
  },
  {
    behaviour: 'trustsWhatItFinds',
    does: 'believes that the kernel already holds its table at a start',
    fails: 'what changed while no process ran is applied at the next start',
  },
  {
    behaviour: 'trustsWhatItFinds',
    does: 'leaves what a killed process has left half done',
    fails: 'the next process after a kill puts right whatever the killed one left half done',
  },
  {
    behaviour: 'deletesThenThrows',
    does: 'deletes everything, and then refuses the change',
    fails: 'takes no Service away that the damage has left',
    passes: 'never says that it is unchanged',
  },
  {
    behaviour: 'deletesThenThrows',
    does: 'deletes everything, and then says that nothing has changed',
    fails: 'is applied whole or refused whole',
  },
  {
    behaviour: 'appliesThenThrows',
    does: 'applies a change, and then says that it is refused',
    fails: 'is applied whole or refused whole',
  },
  {
    behaviour: 'alwaysUnchanged',
    does: 'always says that it is unchanged',
    fails: 'never says that it is unchanged',
    passes: 'reconciling finds every damage',
  },
  {
    behaviour: 'neverLooksAgain',
    does: 'looks at the kernel once only',
    fails: 'reconciling finds every damage',
    passes: 'never says that it is unchanged',
  },
  {
    behaviour: 'forgetsASet',
    does: 'forgets a set in its cleanup, each time',
    fails: 'cleanup removes everything',
    passes: 'cleanup leaves alone what others',
  },
  {
    behaviour: 'cleansNothing',
    does: 'removes nothing in its cleanup',
    fails: 'cleanup removes everything',
  },
  {
    behaviour: 'tellsNothingOfItself',
    does: 'does not tell what of it stands',
    fails: 'a dataplane that can tell what of it stands',
    passes: 'cleanup removes everything',
  },
  {
    behaviour: 'drainsByCleanup',
    does: 'removes all when it is drained, also what established connections need',
    fails: 'a dataplane that can be drained',
    passes: 'a dataplane that can tell what of it stands',
  },
  {
    behaviour: 'drainsNothing',
    does: 'leads new connections after it was drained',
    fails: 'a dataplane that can be drained',
    passes: 'cleanup removes everything',
  },
  {
    behaviour: 'removesForeign',
    does: "removes others' rules in its cleanup",
    fails: 'cleanup leaves alone what others',
    passes: 'cleanup removes everything',
  },
  {
    behaviour: 'leavesSomethingByLooking',
    does: 'leaves something in the kernel by looking at it',
    fails: 'who only looks leaves nothing',
  },
  {
    behaviour: 'changesIPv4Only',
    does: 'applies changes of IPv4 only',
    fails: 'those of others left out and named',
    narrowed: ({ family }) => family === 'IPv6',
  },
  {
    behaviour: 'leavesAnAddress',
    does: 'leaves an address in a set that no Service has any more',
    fails: 'does the kernel differ from the table',
  },
  {
    behaviour: 'keepsFlows',
    does: 'leaves flows of UDP at endpoints that have gone',
    fails: 'is led to another endpoint when its own is replaced',
    passes: 'stay with their endpoints while others come and go',
  },
  {
    behaviour: 'favoursOneEndpoint',
    does: 'favours one endpoint of a Service',
    fails: 'are spread evenly',
  },
  {
    behaviour: 'forgetsClientsWithAChange',
    does: 'forgets the endpoints of its clients whenever the Service changes',
    fails: 'clients stay with their endpoints when more endpoints come',
  },
  {
    behaviour: 'forgetsClientsAtRestart',
    does: 'forgets the endpoints of its clients at a restart',
    fails: 'clients stay with their endpoints across a restart',
  },
  {
    behaviour: 'keepsClientsForEver',
    does: 'keeps a client past the timeout of session affinity',
    fails: 'affinity ends once a client has made no connection for the timeout',
  },
  {
    behaviour: 'forgetsClientsTooSoon',
    does: 'forgets a client before the timeout of session affinity',
    fails: 'every new connection of a client starts the timeout anew',
  },
  {
    behaviour: 'movesAddressesInTwoSteps',
    does: 'takes an address from one Service before it gives it to another',
    fails: 'an address that goes from one Service to another is served by one of the two',
  },
  {
    behaviour: 'refusesWhileItChanges',
    does: 'refuses connections while it changes a Service',
    fails: 'while endpoints are replaced one by one',
  },
  {
    behaviour: 'refusesWhileItChanges',
    does: 'refuses connections while it switches a policy',
    fails: 'while traffic policies are switched',
  },
  {
    behaviour: 'stopsForHalfASecondInAHundredChanges',
    does: 'once lets nothing through for 900 ms while other Services change',
    fails: 'a Service is not disturbed while a hundred others come',
  },
  {
    behaviour: 'leaksWithoutAnAnswer',
    does: 'lets packets to unallocated ClusterIPs leave, from where no answer comes back',
    fails: 'an address of the ServiceCIDR that no Service has is dropped',
    narrowed: ({ protocol }) => protocol === 'UDP',
  },
]
