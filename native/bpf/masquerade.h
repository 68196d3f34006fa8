/* Connections whose endpoint sees this node instead of the client: which address and which port it sees. */
#ifndef PORTOLAN_MASQUERADE_H
#define PORTOLAN_MASQUERADE_H

/* The address that a packet leaving by an interface gets as its source. */
static __always_inline bool masquerade_address(__u32 interface, bool ipv4, struct address *address)
{
	struct device_key key = { .interface = interface, .family = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6 };
	struct device *device = bpf_map_lookup_elem(&devices, &key);
	if (!device || is_none(&device->address)) {
		key.interface = 0;
		device = bpf_map_lookup_elem(&devices, &key);
	}
	if (!device || is_none(&device->address))
		return false;
	*address = device->address;
	return true;
}

/*
 * Whether a socket of this node would get the endpoint's answers. The ports of masqueraded connections are not among
 * those that the kernel picks for sockets (net.ipv4.ip_local_port_range), but a program may ask for any.
 */
static __always_inline bool is_taken_by_socket(struct __sk_buff *skb, const struct flow_key *back, bool ipv4)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *socket;
	__u32 size;

	if (ipv4) {
		tuple.ipv4.saddr = back->source.word[3];
		tuple.ipv4.daddr = back->destination.word[3];
		tuple.ipv4.sport = back->source_port;
		tuple.ipv4.dport = back->destination_port;
		size = sizeof tuple.ipv4;
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, &back->source, sizeof back->source);
		__builtin_memcpy(tuple.ipv6.daddr, &back->destination, sizeof back->destination);
		tuple.ipv6.sport = back->source_port;
		tuple.ipv6.dport = back->destination_port;
		size = sizeof tuple.ipv6;
	}
	if (back->protocol == IPPROTO_TCP)
		socket = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		socket = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return false;
	bpf_sk_release(socket);
	return true;
}

#define PORT_TRIES 16

struct port_search {
	struct __sk_buff *skb;
	struct work *work;
	__u32 first;
	__u32 ports;
	bool claimed;
};

/* One try, for bpf_loop: 0 goes on. */
static long try_port(__u32 number, void *argument)
{
	struct port_search *search = argument;
	struct work *work = search->work;

	work->back.destination_port = bpf_htons(search->first + bpf_get_prandom_u32() % search->ports);
	if (is_taken_by_socket(search->skb, &work->back, work->packet.ipv4))
		return 0;
	search->claimed = claim_reply(work, number >= PORT_TRIES / 2);
	return search->claimed;
}

/* Finds a source port that no other connection to this endpoint has, and takes the reply direction. */
static __always_inline bool claim_port(struct __sk_buff *skb, struct work *work, const struct settings *settings)
{
	/* An element of an array is always there, also when nobody has written it. Port 0 can't be answered. */
	if (!settings->first_port)
		return false;
	struct port_search search = {
		.skb = skb,
		.work = work,
		.first = settings->first_port,
		.ports = settings->last_port - settings->first_port + 1,
	};
	bpf_loop(PORT_TRIES, try_port, &search, 0);
	return search.claimed;
}

#endif
