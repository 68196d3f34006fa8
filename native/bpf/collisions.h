/*
 * The first packet of a flow that is not for a Service. Where a translated connection that is alive has its addresses and
 * ports already (a client that has asked a Service from a port asks the endpoint itself from it, or another tool's
 * masquerade has picked a port of ours), its endpoint could tell the two apart as little as we could their answers. So it
 * gets another source port, as conntrack gives it one.
 */
#ifndef PORTOLAN_COLLISIONS_H
#define PORTOLAN_COLLISIONS_H

/* Besides tc's own actions: the packet's flow is known now, and it is to be sent on. */
#define SEND_ON 0x1000

/* And: it isn't for a Service. */
#define NOT_OURS 0x1001

/* Both directions of a flow whose source port alone is translated. */
static __noinline int change_port(struct __sk_buff *skb, struct work *work, __u64 now)
{
	struct settings *settings = read_settings(work->packet.ipv4);
	struct flow_key *key = &work->packet.key;
	struct flow *flow = &work->flow, *reply = &work->reply;

	if (!settings)
		return TC_ACT_SHOT;
	__builtin_memset(flow, 0, sizeof *flow);
	flow->source = key->source;
	flow->destination = key->destination;
	flow->destination_port = key->destination_port;
	flow->last = now;
	flow->begun = now / NANOSECONDS;
	flow->state = key->protocol == IPPROTO_TCP ? TCP_OPENING : UDP_UNANSWERED;
	*reply = *flow;
	reply->source = key->destination;
	reply->source_port = key->destination_port;
	reply->destination = key->source;
	reply->destination_port = key->source_port;
	reply->reply = 1;
	work->back = opposite_key(flow, key->protocol);
	if (!claim_port(skb, work, settings))
		return TC_ACT_SHOT;
	work->interface = work->mtu = 0;
	flow->source_port = work->back.destination_port;
	return bpf_map_update_elem(&flows, key, flow, BPF_ANY) ? TC_ACT_SHOT : SEND_ON;
}

static __noinline int begin_untranslated(struct __sk_buff *skb, struct work *work, __u64 now)
{
	const struct packet *packet = &work->packet;
	bool first = packet->key.protocol != IPPROTO_TCP || is_first_of_tcp(packet);
	struct untranslated new = { .last = now };

	work->back.source = packet->key.destination;
	work->back.destination = packet->key.source;
	work->back.source_port = packet->key.destination_port;
	work->back.destination_port = packet->key.source_port;
	work->back.protocol = packet->key.protocol;
	struct flow *taken = bpf_map_lookup_elem(&flows, &work->back);
	if (taken) {
		/* The rest of a connection that was there before: to change its port would only break it. */
		if (!first)
			return TC_ACT_UNSPEC;
		bool over = is_expired(&work->back, taken, now) ||
			    (packet->key.protocol == IPPROTO_TCP && taken->state >= TCP_CLOSED);
		if (!over)
			return change_port(skb, work, now);
		forget(&work->back, taken);
	}
	/* The last packet of a connection that is not remembered. */
	if (packet->tcp_flags & (TCP_RST | TCP_FIN))
		return TC_ACT_UNSPEC;
	new.turned = pair_of(&packet->key, &work->pair);
	/* Answers to a datagram may be late, and without a proxy no other flow could have them either way. */
	new.state = packet->key.protocol != IPPROTO_TCP ? UDP_STREAM : first ? TCP_OPENING : TCP_ESTABLISHED;
	bpf_map_update_elem(&untranslated, &work->pair, &new, BPF_ANY);
	return TC_ACT_UNSPEC;
}

#endif
