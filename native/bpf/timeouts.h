/* What was seen of a connection last, and how long it is remembered without a packet of it. */
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

/* Whether the last packet of a connection in this state is too long ago. */
static __always_inline bool is_timed_out(__u32 state, __u64 last, __u64 now)
{
	return state >= FLOW_STATES || age(now, last) > (__s64)(flow_timeouts[state] * NANOSECONDS);
}

/* Whether one direction has been silent for too long; the other one may not have been. */
static __always_inline bool is_silent(const struct flow *flow, __u64 now)
{
	return is_timed_out(flow->state, flow->last, now);
}

/* The state of a TCP connection after a packet of it. */
static __always_inline __u8 next_tcp_state(__u8 state, bool reply, __u8 flags)
{
	if (flags & TCP_RST)
		return TCP_BROKEN;
	if (flags & TCP_FIN) {
		if (state >= TCP_CLOSED)
			return state;
		if (state == (reply ? TCP_CLIENT_CLOSED : TCP_ENDPOINT_CLOSED))
			return TCP_CLOSED;
		return reply ? TCP_ENDPOINT_CLOSED : TCP_CLIENT_CLOSED;
	}
	if (state == TCP_OPENING && reply && (flags & TCP_SYN))
		return TCP_OPENED;
	if (state < TCP_ESTABLISHED && !reply && !(flags & TCP_SYN))
		return TCP_ESTABLISHED;
	return state;
}

#endif
