/*
 * North-south, and whatever could not be done at a socket: packets that come in by an interface (tc ingress) or that
 * this node itself sends out of one (tc egress). A connection's first packet gets an endpoint and two flows, one for
 * each direction; all others only look their flow up.
 *
 * A translated packet leaves at once by the interface that the node's routes say. To hand it to the stack would not
 * do: with an address of the node as its source it would be a martian.
 *
 * TC_ACT_UNSPEC lets other programs on the same hook, and then the stack, have the packet.
 */
#ifndef PORTOLAN_PACKETS_H
#define PORTOLAN_PACKETS_H

static __always_inline __u64 timeout_of(const struct flow *flow, __u32 protocol)
{
	if (protocol == IPPROTO_UDP)
		return 120 * NANOSECONDS;
	return (flow->state == FLOW_ESTABLISHED ? 86400 : 60) * NANOSECONDS;
}

/* Whether a flow's first packet would start a new connection, the old one being over. */
static __always_inline bool is_over(const struct flow *flow, const struct packet *packet, __u64 now)
{
	if (flow->reply)
		return false;
	if (packet->key.protocol == IPPROTO_TCP && !is_first_of_tcp(packet))
		return false;
	if (now - flow->last > timeout_of(flow, packet->key.protocol))
		return true;
	if (packet->key.protocol == IPPROTO_TCP)
		return flow->state == FLOW_CLOSING;
	/* UDP has no end; an endpoint that has gone must not keep its clients. */
	return !is_member(flow->service, flow->local, &flow->destination, flow->destination_port);
}

/* The flow of the other direction: what leaves this way comes back as that. */
static __always_inline struct flow *opposite(const struct flow *flow, __u32 protocol)
{
	struct flow_key key = {
		.source = flow->destination,
		.destination = flow->source,
		.source_port = flow->destination_port,
		.destination_port = flow->source_port,
		.protocol = protocol,
	};
	return bpf_map_lookup_elem(&flows, &key);
}

static __always_inline void follow(struct flow *flow, const struct packet *packet, __u64 now)
{
	/* Writing to a shared cache line for every packet costs more than the second of doubt. */
	if (now - flow->last > NANOSECONDS)
		flow->last = now;
	if (packet->key.protocol != IPPROTO_TCP)
		return;
	__u8 state = flow->state;
	if (packet->tcp_flags & (TCP_FIN | TCP_RST))
		state = FLOW_CLOSING;
	else if (state == FLOW_NEW && !(packet->tcp_flags & TCP_SYN))
		state = FLOW_ESTABLISHED;
	if (state == flow->state)
		return;
	flow->state = state;
	struct flow *other = state == FLOW_CLOSING ? opposite(flow, packet->key.protocol) : NULL;
	if (other)
		other->state = state;
}

static __noinline int send_on(struct __sk_buff *skb, struct work *work)
{
	if (work->mtu)
		return answer_too_large(skb, work, work->mtu);
	if (work->interface && work->packet.hops <= 1)
		return TC_ACT_SHOT;
	if (!rewrite(skb, work))
		return TC_ACT_SHOT;
	if (!work->interface)
		return TC_ACT_UNSPEC;
	if (!count_hop(skb, &work->packet))
		return TC_ACT_SHOT;
	return bpf_redirect_neigh(work->interface, &work->neighbour, sizeof work->neighbour, 0);
}

/* The address that a packet leaving by an interface gets as its source when it is masqueraded. */
static __always_inline bool masquerade_address(__u32 interface, bool ipv4, struct address *address)
{
	struct device_key key = { .interface = interface, .family = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6 };
	struct device *device = bpf_map_lookup_elem(&devices, &key);
	if (!device || !device->address.word[3]) {
		key.interface = 0;
		device = bpf_map_lookup_elem(&devices, &key);
	}
	if (!device || !device->address.word[3])
		return false;
	*address = device->address;
	return true;
}

/* Takes the reply direction for a new connection, unless it belongs to another one that is alive. */
static __always_inline bool claim_reply(const struct flow_key *key, const struct flow *reply)
{
	struct flow *held = bpf_map_lookup_elem(&flows, key);
	if (held) {
		bool same = same_address(&held->source, &reply->source) && held->source_port == reply->source_port &&
			    same_address(&held->destination, &reply->destination) &&
			    held->destination_port == reply->destination_port;
		if (!same && held->state != FLOW_CLOSING && reply->last - held->last < timeout_of(held, key->protocol))
			return false;
		return !bpf_map_update_elem(&flows, key, reply, BPF_ANY);
	}
	return !bpf_map_update_elem(&flows, key, reply, BPF_NOEXIST);
}

#define PORT_TRIES 16

static __noinline int start_connection(struct __sk_buff *skb, struct work *work, __u32 service, __u32 verdict,
				       __u32 class)
{
	struct settings *settings = read_settings(work->packet.ipv4);
	struct flow_key *key = &work->packet.key, *back = &work->back;
	struct flow *flow = &work->flow, *reply = &work->reply;
	__u8 local = !!(verdict & VERDICT_LOCAL);

	if (!settings)
		return TC_ACT_SHOT;
	if (class == CLASS_NODE)
		__builtin_memset(&work->client, 0, sizeof work->client);
	else
		work->client = key->source;
	if (!choose_endpoint(service, local, &work->client, &work->endpoint))
		return TC_ACT_SHOT;

	__builtin_memset(flow, 0, sizeof *flow);
	flow->source = key->source;
	flow->source_port = key->source_port;
	flow->destination = work->endpoint.address;
	flow->destination_port = work->endpoint.port;
	flow->service = service;
	flow->local = local;
	flow->last = bpf_ktime_get_ns();
	if (!find_route(skb, work))
		return TC_ACT_SHOT;
	/*
	 * An endpoint at this node's own address answers through this node anyway, and a packet from the node to itself
	 * that came in by an interface would be a martian: it keeps its source.
	 */
	bool masquerade = work->interface && ((verdict & VERDICT_MASQUERADE) || class == CLASS_NODE ||
					      same_address(&flow->source, &flow->destination));
	if (masquerade && !masquerade_address(work->interface, work->packet.ipv4, &flow->source))
		return TC_ACT_SHOT;

	__builtin_memset(reply, 0, sizeof *reply);
	reply->source = key->destination;
	reply->source_port = key->destination_port;
	reply->destination = key->source;
	reply->destination_port = key->source_port;
	reply->service = service;
	reply->local = local;
	reply->last = flow->last;
	reply->reply = 1;
	back->source = flow->destination;
	back->source_port = flow->destination_port;
	back->destination = flow->source;
	back->destination_port = flow->source_port;
	back->protocol = key->protocol;
	bool claimed = !masquerade && claim_reply(back, reply);
	__u32 first = settings->first_port, ports = settings->last_port - first + 1;
	for (int try = 0; try < PORT_TRIES && !claimed; try++) {
		back->destination_port = bpf_htons(first + bpf_get_prandom_u32() % ports);
		claimed = claim_reply(back, reply);
	}
	if (!claimed)
		return TC_ACT_SHOT;
	flow->source_port = back->destination_port;
	if (bpf_map_update_elem(&flows, key, flow, BPF_ANY))
		return TC_ACT_SHOT;
	return send_on(skb, work);
}

static __always_inline __u8 class_of_packet(struct __sk_buff *skb, const struct packet *packet)
{
	struct device_key key = { .interface = skb->ifindex, .family = packet->ipv4 ? FAMILY_IPV4 : FAMILY_IPV6 };
	struct device *device = bpf_map_lookup_elem(&devices, &key);
	if (device && (device->flags & DEVICE_OF_PODS))
		return CLASS_POD;
	if (in_range(SCOPE_PODS, &packet->key.source))
		return CLASS_POD;
	return is_kind(&packet->key.source, KIND_LOCAL_ADDRESS) ? CLASS_NODE : CLASS_OUTSIDE;
}

static __noinline int decide(struct __sk_buff *skb, struct work *work, __u32 from_node)
{
	struct packet *packet = &work->packet;
	struct flow_key *key = &packet->key;
	struct found found = {};
	__u8 class, verdict;

	if (!find_frontend(&key->destination, key->destination_port, key->protocol, &found))
		return TC_ACT_UNSPEC;
	class = from_node ? CLASS_NODE : class_of_packet(skb, packet);
	verdict = class == CLASS_POD ? found.verdict[0] : class == CLASS_NODE ? found.verdict[1] : found.verdict[2];
	/* Packets of a connection that nobody knows: the stack answers them, with a reset as the case may be. */
	if (packet->translatable && key->protocol == IPPROTO_TCP && !is_first_of_tcp(packet))
		return TC_ACT_UNSPEC;
	if ((found.flags & FRONTEND_HAS_RANGES) && !in_range(found.service, &key->source))
		return TC_ACT_SHOT;
	if (verdict & VERDICT_DROP)
		return TC_ACT_SHOT;
	/* What this node refuses itself it has refused at the socket. */
	if (verdict & VERDICT_REJECT)
		return from_node ? TC_ACT_SHOT : answer_refused(skb, work);
	if (verdict & VERDICT_BALANCE)
		return start_connection(skb, work, found.service, verdict, class);
	return TC_ACT_UNSPEC;
}

static __always_inline int handle(struct __sk_buff *skb, bool from_node)
{
	__u32 first = 0;
	struct work *work = bpf_map_lookup_elem(&scratch, &first);
	if (!work)
		return TC_ACT_UNSPEC;
	__builtin_memset(&work->packet, 0, sizeof work->packet);
	if (!parse(skb, &work->packet))
		return TC_ACT_UNSPEC;
	if (is_error(skb, &work->packet)) {
		int action = return_error(skb, work);
		if (action != TC_ACT_UNSPEC)
			return action;
	}
	struct flow *held = work->packet.translatable ? bpf_map_lookup_elem(&flows, &work->packet.key) : NULL;
	__u64 now = bpf_ktime_get_ns();
	if (!held || is_over(held, &work->packet, now))
		return decide(skb, work, from_node);
	follow(held, &work->packet, now);
	work->flow = *held;
	if (!find_route(skb, work))
		return TC_ACT_SHOT;
	return send_on(skb, work);
}

SEC("tc") int packets_in(struct __sk_buff *skb)
{
	return handle(skb, false);
}

/* Only what this node makes: what it forwards has been seen where it came in. */
SEC("tc") int packets_out(struct __sk_buff *skb)
{
	return skb->ingress_ifindex ? TC_ACT_UNSPEC : handle(skb, true);
}

#endif
