/* How long a connection is remembered without a packet of it, by what was seen of it last. */
#ifndef PORTOLAN_TIMEOUTS_H
#define PORTOLAN_TIMEOUTS_H

enum flow_state {
	UDP_UNANSWERED = 0,
	UDP_ANSWERED = 1,
	UDP_STREAM = 2,            /* answered, and older than a question with its answer */
	TCP_OPENING = 3,           /* the client's SYN */
	TCP_OPENED = 4,            /* the endpoint's SYN and ACK */
	TCP_ESTABLISHED = 5,
	TCP_CLIENT_CLOSED = 6,     /* a FIN from one side: the other may still send */
	TCP_ENDPOINT_CLOSED = 7,
	TCP_CLOSED = 8,            /* a FIN from both */
	TCP_BROKEN = 9,            /* a RST */
	FLOW_STATES = 10,
};

/*
 * Seconds. They are the defaults of Linux' nf_conntrack; but of TCP, established and half closed, those that kube-proxy
 * sets (its tcpEstablishedTimeout and tcpCloseWaitTimeout).
 */
const volatile __u32 flow_timeouts[FLOW_STATES] = {
	[UDP_UNANSWERED] = 30,
	[UDP_ANSWERED] = 30,
	[UDP_STREAM] = 120,
	[TCP_OPENING] = 120,
	[TCP_OPENED] = 60,
	[TCP_ESTABLISHED] = 24 * 60 * 60,
	[TCP_CLIENT_CLOSED] = 60 * 60,
	[TCP_ENDPOINT_CLOSED] = 60 * 60,
	[TCP_CLOSED] = 120,
	[TCP_BROKEN] = 10,
};

/* An answered UDP flow is a stream when it is still in use after so many seconds. */
#define UDP_STREAM_AGE 2

/* How long a datagram's pieces may be apart: as long as a receiver waits for them (net.ipv4.ipfrag_time). */
#define FRAGMENT_TIMEOUT 30

/* Whether one direction has been silent for too long; the other one may not have been. */
static __always_inline bool is_silent(const struct flow *flow, __u64 now)
{
	__u32 state = flow->state;
	return state >= FLOW_STATES || age(now, flow->last) > (__s64)(flow_timeouts[state] * NANOSECONDS);
}

#endif
