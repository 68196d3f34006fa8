/*
 * North-south, and whatever could not be done at a socket: packets that come in by an interface (tc ingress) or that
 * this node itself sends out of one (tc egress). A connection's first packet gets an endpoint and two flows, one for
 * each direction; all others only look their flow up.
 *
 * A translated packet leaves at once by the interface that the node's routes say. To hand it to the stack would not
 * do: with an address of the node as its source it would be a martian.
 *
 * What is not for a Service is left as it is, but remembered: see untranslated.h and collisions.h.
 *
 * TC_ACT_UNSPEC lets other programs on the same hook, and then the stack, have the packet.
 */
#ifndef PORTOLAN_PACKETS_H
#define PORTOLAN_PACKETS_H

static __noinline int send_on(struct __sk_buff *skb, struct work *work)
{
	if (work->mtu)
		return answer_too_large(skb, work, work->mtu);
	if (work->interface && work->packet.hops <= 1)
		return answer_expired(skb, work);
	if (work->packet.fragment == FIRST_FRAGMENT)
		remember_ports(&work->packet);
	if (!rewrite(skb, work))
		return TC_ACT_SHOT;
	if (!work->interface)
		return stay(skb, &work->packet);
	if (!count_hop(skb, &work->packet))
		return TC_ACT_SHOT;
	return leave(skb, work);
}

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
	flow->state = key->protocol == IPPROTO_TCP ? TCP_OPENING : UDP_UNANSWERED;
	flow->begun = flow->last / NANOSECONDS;
	if (!find_route(skb, work))
		return TC_ACT_SHOT;
	/*
	 * Masquerade is for what leaves the node. An endpoint at one of the node's own addresses (a pod in the host's network)
	 * sees the client, as it does with netfilter, whose masquerade comes at postrouting: its answers pass here anyway,
	 * and a packet with the node's source that came in by an interface would be a martian.
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
	reply->state = flow->state;
	reply->begun = flow->begun;
	reply->reply = 1;
	*back = opposite_key(flow, key->protocol);
	bool claimed = (!masquerade && claim_reply(work, true)) || claim_port(skb, work, settings);
	if (!claimed)
		return TC_ACT_SHOT;
	flow->source_port = back->destination_port;
	return bpf_map_update_elem(&flows, key, flow, BPF_ANY) ? TC_ACT_SHOT : SEND_ON;
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

	/* At loopback NodePorts answer processes of the node, at their sockets. */
	if (is_loopback(&key->destination))
		return NOT_OURS;
	if (!find_frontend(&key->destination, key->destination_port, key->protocol, &found))
		return NOT_OURS;
	/* Of a piece whose datagram is unknown there is only to say that it must not get past us. */
	if (packet->fragment == LATER_FRAGMENT)
		return TC_ACT_SHOT;
	class = from_node ? CLASS_NODE : class_of_packet(skb, packet);
	verdict = class == CLASS_POD ? found.verdict[0] : class == CLASS_NODE ? found.verdict[1] : found.verdict[2];
	/*
	 * Packets of an unknown connection: the stack may know it, from another dataplane that was here before, or
	 * else answers with a reset where it is the destination.
	 */
	if (packet->translatable && key->protocol == IPPROTO_TCP && !is_first_of_tcp(packet))
		return TC_ACT_UNSPEC;
	if ((found.flags & FRONTEND_HAS_RANGES) && !in_range(found.service, &key->source))
		return TC_ACT_SHOT;
	if (verdict & VERDICT_DROP)
		return TC_ACT_SHOT;
	/* What this node refuses itself it has refused at the socket. */
	if (verdict & VERDICT_REJECT)
		return from_node || is_unanswerable(skb, packet) ? TC_ACT_SHOT : answer_refused(skb, work);
	if (verdict & VERDICT_BALANCE)
		return start_connection(skb, work, found.service, verdict, class);
	return TC_ACT_UNSPEC;
}

/* Where a packet is met. */
enum place { COMES_IN, GOES_OUT, IS_FORWARDED, IS_SWITCHED };

/*
 * A packet of no connection that is translated. Of TCP only a first packet may begin one; any other one's connection may
 * be known to the stack, from another dataplane that was here before, or else is answered with a reset where it is for.
 */
static __always_inline int handle_new(struct __sk_buff *skb, struct work *work, enum place place, __u64 now)
{
	struct packet *packet = &work->packet;
	bool may_begin = packet->key.protocol != IPPROTO_TCP || is_first_of_tcp(packet);
	/* What is forwarded has been seen where it came in; but it may have been masqueraded since. */
	if (!may_begin && (place == IS_FORWARDED || place == IS_SWITCHED))
		return TC_ACT_UNSPEC;
	bool turned = pair_of(&packet->key, &work->pair);
	struct untranslated *held = bpf_map_lookup_elem(&untranslated, &work->pair);
	enum relation relation = relation_of(packet, held, turned, now);

	/* A datagram of its own, or a SYN, may have become a Service's since. */
	if (may_begin && relation != OF_ANSWERS) {
		if (place == IS_SWITCHED) {
			struct found found = {};
			if (find_frontend(&packet->key.destination, packet->key.destination_port,
					  packet->key.protocol, &found))
				return TC_ACT_UNSPEC;
		} else if (place != IS_FORWARDED) {
			int action = decide(skb, work, place == GOES_OUT);
			if (action != NOT_OURS)
				return action;
		}
	}
	if (packet->fragment == FIRST_FRAGMENT)
		forget_ports(packet);
	if (relation == OF_NONE || !held)
		return begin_untranslated(skb, work, now);
	follow_untranslated(held, packet, relation == OF_ANSWERS, now);
	return TC_ACT_UNSPEC;
}

/*
 * At a port of a bridge only connections are followed that are known already, and those that are not for a Service: of two
 * pods behind the bridge, one's answers go to the other past the node's stack, and must be translated all the same.
 * Whatever else is for this node comes in by the bridge itself, which decides, so nothing is translated twice.
 */
static __always_inline int handle(struct __sk_buff *skb, enum place place, __u32 l3)
{
	bool switched = place == IS_SWITCHED;
	__u32 first = 0;
	struct work *work = bpf_map_lookup_elem(&scratch, &first);
	if (!work)
		return TC_ACT_UNSPEC;
	__builtin_memset(&work->packet, 0, sizeof work->packet);
	work->packet.outgoing = place == GOES_OUT;
	work->packet.switched = switched;
	if (!parse(skb, &work->packet, l3))
		return TC_ACT_UNSPEC;
	if (place == IS_FORWARDED && !is_kind(&work->packet.key.source, KIND_LOCAL_ADDRESS))
		return TC_ACT_UNSPEC;
	if (work->packet.fragment == LATER_FRAGMENT) {
		recall_ports(&work->packet);
	} else if (place != IS_FORWARDED && is_error(skb, &work->packet)) {
		int action = return_error(skb, work);
		if (action != TC_ACT_UNSPEC)
			return action;
	}
	if (!work->packet.translatable) {
		if (switched || place == IS_FORWARDED)
			return TC_ACT_UNSPEC;
		int action = decide(skb, work, place == GOES_OUT);
		return action == NOT_OURS ? TC_ACT_UNSPEC : action;
	}
	struct flow *held = bpf_map_lookup_elem(&flows, &work->packet.key);
	__u64 now = bpf_ktime_get_ns();
	if (held && is_over(held, &work->packet, now)) {
		if (switched)
			return TC_ACT_UNSPEC;
		forget(&work->packet.key, held);
		held = NULL;
	}
	if (held) {
		work->flow = *held;
		if (!find_way(skb, work))
			return TC_ACT_SHOT;
		if (held->service && (place == IS_FORWARDED || (switched && !work->interface && !work->mtu)))
			return TC_ACT_UNSPEC;
		follow(held, &work->packet, now);
	} else {
		int action = handle_new(skb, work, place, now);
		if (action != SEND_ON)
			return action;
	}
	return send_on(skb, work);
}

/* What has been translated at a port of a bridge needs nothing where it comes out of the bridge. */
static __always_inline bool is_done_at_port(struct __sk_buff *skb)
{
	if (!skb->tc_index)
		return false;
	if (is_marked(skb, TRANSLATED_AT_PORT)) {
		mark_packet(skb, TRANSLATED);
		return true;
	}
	/* A pod that is a router has sent it on. It comes anew. */
	if (is_marked(skb, TRANSLATED))
		skb->tc_index = 0;
	return false;
}

/* Of what goes out, what this node makes; and what was masqueraded since it came in. */
#define PACKET_PROGRAMS(NAME, L3)                                                                         	SEC("tc") int NAME##_in(struct __sk_buff *skb)                                                    	{                                                                                                 		return is_done_at_port(skb) ? TC_ACT_UNSPEC : handle(skb, COMES_IN, L3);                  	}                                                                                                 	SEC("tc") int NAME##_out(struct __sk_buff *skb)                                                   	{                                                                                                 		if (is_marked(skb, TRANSLATED))                                                           			return TC_ACT_UNSPEC;                                                             		return skb->ingress_ifindex ? handle(skb, IS_FORWARDED, L3) : handle(skb, GOES_OUT, L3);  	}

PACKET_PROGRAMS(packets, ETH_HLEN)
/* For devices whose packets begin with the IP header: tunnels (WireGuard, IP in IP, tun), PPP. */
PACKET_PROGRAMS(bare_packets, 0)

/* For ports of bridges. What goes out of them has been seen at the bridge, or where it came in. */
SEC("tc") int switched_packets_in(struct __sk_buff *skb)
{
	if (is_marked(skb, TRANSLATED) || is_marked(skb, TRANSLATED_AT_PORT))
		skb->tc_index = 0;
	return handle(skb, IS_SWITCHED, ETH_HLEN);
}

#endif
