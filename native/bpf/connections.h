/*
 * Connections that are translated: each is two flows, one for each direction, which have its state in common.
 */
#ifndef PORTOLAN_CONNECTIONS_H
#define PORTOLAN_CONNECTIONS_H

/* The key of the other direction: what leaves this way comes back as that. */
static __always_inline struct flow_key opposite_key(const struct flow *flow, __u32 protocol)
{
	struct flow_key key = {
		.source = flow->destination,
		.destination = flow->source,
		.source_port = flow->destination_port,
		.destination_port = flow->source_port,
		.protocol = protocol,
	};
	return key;
}

/* The other direction of the flow with this key; unless a new connection has taken it. */
static __always_inline struct flow *opposite(const struct flow_key *key, const struct flow *flow)
{
	struct flow_key other_key = opposite_key(flow, key->protocol);
	struct flow *other = bpf_map_lookup_elem(&flows, &other_key);
	bool mutual = other && same_address(&other->source, &key->destination) &&
		      other->source_port == key->destination_port && same_address(&other->destination, &key->source) &&
		      other->destination_port == key->source_port;
	return mutual ? other : NULL;
}

/* Whether neither direction has had a packet for too long. */
static __always_inline bool is_expired(const struct flow_key *key, const struct flow *flow, __u64 now)
{
	if (!is_silent(flow, now))
		return false;
	struct flow *other = opposite(key, flow);
	return !other || is_silent(other, now);
}

/* Whether a packet of the client's would start a new connection, the old one being over. */
static __always_inline bool is_over(const struct flow *flow, const struct packet *packet, __u64 now)
{
	if (is_expired(&packet->key, flow, now))
		return true;
	if (flow->reply || packet->fragment == LATER_FRAGMENT)
		return false;
	/* A client that uses its port anew. */
	if (packet->key.protocol == IPPROTO_TCP)
		return flow->state >= TCP_CLOSED && is_first_of_tcp(packet);
	/* UDP has no end; an endpoint that has gone must not keep its clients. */
	return flow->service && !is_member(flow->service, flow->local, &flow->destination, flow->destination_port);
}

static __always_inline __u8 next_state(const struct flow *flow, const struct packet *packet, __u64 now)
{
	__u8 state = flow->state;

	if (packet->key.protocol == IPPROTO_TCP)
		return next_tcp_state(state, flow->reply, packet->tcp_flags);
	if (state == UDP_UNANSWERED)
		return flow->reply ? UDP_ANSWERED : state;
	if (state == UDP_ANSWERED && now / NANOSECONDS - flow->begun > UDP_STREAM_AGE)
		return UDP_STREAM;
	return state;
}

/* Takes note of a packet of the flow. */
static __always_inline void follow(struct flow *flow, const struct packet *packet, __u64 now)
{
	/* Writing to a shared cache line for every packet costs more than the second of doubt. */
	if (age(now, flow->last) > (__s64)NANOSECONDS)
		flow->last = now;
	__u8 state = next_state(flow, packet, now);
	if (state == flow->state)
		return;
	flow->state = state;
	flow->last = now;
	struct flow *other = opposite(&packet->key, flow);
	if (other)
		other->state = state;
}

/* Both directions: what the endpoint of before may still send must not reach the client as of a new connection. */
static __always_inline void forget(const struct flow_key *key, const struct flow *flow)
{
	if (opposite(key, flow)) {
		struct flow_key other = opposite_key(flow, key->protocol);
		bpf_map_delete_elem(&flows, &other);
	}
	bpf_map_delete_elem(&flows, key);
}

/*
 * Takes the reply direction for a new connection, unless it belongs to another one that is alive; one that has been
 * closed but may still send its last packets gives way if need be. The endpoint can't tell two such connections apart,
 * nor can its answers be told apart, so this goes for connections past the Services too.
 */
static __always_inline bool claim_reply(struct work *work, bool need)
{
	const struct flow_key *key = &work->back;
	const struct flow *reply = &work->reply;

	if (is_taken_untranslated(work, reply->last))
		return false;
	struct flow *held = bpf_map_lookup_elem(&flows, key);
	if (!held)
		return !bpf_map_update_elem(&flows, key, reply, BPF_NOEXIST);
	bool same = same_address(&held->source, &reply->source) && held->source_port == reply->source_port &&
		    same_address(&held->destination, &reply->destination) &&
		    held->destination_port == reply->destination_port;
	if (!same && !(need && held->state >= TCP_CLOSED) && !is_expired(key, held, reply->last))
		return false;
	return !bpf_map_update_elem(&flows, key, reply, BPF_ANY);
}

#endif
