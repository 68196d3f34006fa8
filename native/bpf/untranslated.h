/*
 * Flows that are not for a Service. They are remembered as conntrack would, for two reasons: an answer to one of them is
 * no new connection to a Service, whichever port it comes to (a NodePort, say, from which a program of this node, or a pod
 * behind another tool's masquerade, has asked); and a connection that is translated must not look to its endpoint like one
 * that its client has made past the Service.
 *
 * One entry stands for both directions, so that both find it by one look-up.
 */
#ifndef PORTOLAN_UNTRANSLATED_H
#define PORTOLAN_UNTRANSLATED_H

static __always_inline bool is_higher(const struct address *one, const struct address *other, __be16 port,
				      __be16 other_port)
{
#pragma unroll
	for (int word = 0; word < 4; word++) {
		if (one->word[word] != other->word[word])
			return one->word[word] > other->word[word];
	}
	return port > other_port;
}

/* The key of a packet's flow, whichever direction it goes. True: it goes from the higher one to the lower one. */
static __always_inline bool pair_of(const struct flow_key *key, struct flow_key *pair)
{
	bool turned = is_higher(&key->source, &key->destination, key->source_port, key->destination_port);

	pair->source = turned ? key->destination : key->source;
	pair->destination = turned ? key->source : key->destination;
	pair->source_port = turned ? key->destination_port : key->source_port;
	pair->destination_port = turned ? key->source_port : key->destination_port;
	pair->protocol = key->protocol;
	return turned;
}

/* Whether a new connection's answers, whose key is work->back, would be taken for those of another flow. */
static __always_inline bool is_taken_untranslated(struct work *work, __u64 now)
{
	pair_of(&work->back, &work->pair);
	struct untranslated *held = bpf_map_lookup_elem(&untranslated, &work->pair);
	if (!held)
		return false;
	if (!is_timed_out(held->state, held->last, now))
		return true;
	/* The next packet of that flow has to see that the connection is there. */
	bpf_map_delete_elem(&untranslated, &work->pair);
	return false;
}

/* What a packet is to the flow that is remembered of its addresses and ports. */
enum relation { OF_NONE, OF_ITS_OWN, OF_ANSWERS };

static __always_inline enum relation relation_of(const struct packet *packet, const struct untranslated *held,
						 bool turned, __u64 now)
{
	if (!held || is_timed_out(held->state, held->last, now))
		return OF_NONE;
	/* A port that is used anew. */
	if (packet->key.protocol == IPPROTO_TCP && held->state >= TCP_CLOSED && is_first_of_tcp(packet))
		return OF_NONE;
	return held->turned == turned ? OF_ITS_OWN : OF_ANSWERS;
}

/* Takes note of a packet of the flow. */
static __always_inline void follow_untranslated(struct untranslated *held, const struct packet *packet, bool reply,
						__u64 now)
{
	/* As in connections.h. */
	if (age(now, held->last) > (__s64)NANOSECONDS)
		held->last = now;
	if (packet->key.protocol != IPPROTO_TCP)
		return;
	__u8 state = next_tcp_state(held->state, reply, packet->tcp_flags);
	if (state == held->state)
		return;
	held->state = state;
	held->last = now;
}

#endif
