/* Writes a flow's addresses and ports into its packet, and sends it on its way. */
#ifndef PORTOLAN_TRANSLATE_H
#define PORTOLAN_TRANSLATE_H

/* Replaces the ports, and makes good the transport checksum for them and for the addresses. */
static __always_inline bool rewrite_transport(struct __sk_buff *skb, struct work *work, __s64 difference)
{
	struct flow_key *key = &work->packet.key;
	bool tcp = key->protocol == IPPROTO_TCP;
	__u32 l4 = work->packet.l4;
	__u32 checksum = l4 + (tcp ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
	/* A UDP checksum of 0 means that there is none. */
	__u64 mangled = tcp ? 0 : BPF_F_MARK_MANGLED_0;
	__be16 ports[2] = { work->flow.source_port, work->flow.destination_port };

	if (bpf_l4_csum_replace(skb, checksum, 0, difference, BPF_F_PSEUDO_HDR | mangled))
		return false;
	if (ports[0] != key->source_port &&
	    bpf_l4_csum_replace(skb, checksum, key->source_port, ports[0], mangled | 2))
		return false;
	if (ports[1] != key->destination_port &&
	    bpf_l4_csum_replace(skb, checksum, key->destination_port, ports[1], mangled | 2))
		return false;
	return !bpf_skb_store_bytes(skb, l4, ports, sizeof ports, 0);
}

/*
 * Replaces addresses and ports; a datagram's later pieces have no ports, nor a checksum of them. False: the packet can't
 * be written to. Packet pointers are stale afterwards.
 */
static __noinline bool rewrite(struct __sk_buff *skb, struct work *work)
{
	struct address *before = &work->addresses[0], *after = &work->addresses[2];
	__u32 l3 = work->packet.l3;
	bool has_transport = work->packet.fragment != LATER_FRAGMENT;

	before[0] = work->packet.key.source;
	before[1] = work->packet.key.destination;
	after[0] = work->flow.source;
	after[1] = work->flow.destination;
	/* The first 12 bytes of IPv4-mapped addresses are always the same and don't change the difference. */
	__s64 difference =
		bpf_csum_diff(before->word, 2 * sizeof *before, after->word, 2 * sizeof *after, 0);
	if (difference < 0 || (has_transport && !rewrite_transport(skb, work, difference)))
		return false;
	if (!work->packet.ipv4) {
		/*
		 * A sum over the whole packet that the network card has made (CHECKSUM_COMPLETE) stays the same when addresses
		 * and checksum change together, but the kernel counts the checksum's change only, as is right for IPv4.
		 */
		if (has_transport)
			bpf_csum_update(skb, difference);
		return !bpf_skb_store_bytes(skb, l3 + offsetof(struct ipv6hdr, saddr), after, 2 * sizeof *after,
					    has_transport ? 0 : BPF_F_RECOMPUTE_CSUM);
	}
	__be32 addresses[2] = { after[0].word[3], after[1].word[3] };
	if (bpf_l3_csum_replace(skb, l3 + offsetof(struct iphdr, check), 0, difference, 0))
		return false;
	return !bpf_skb_store_bytes(skb, l3 + offsetof(struct iphdr, saddr), addresses, sizeof addresses, 0);
}

/* Bytes of the IP packet, as the link will see it: of a segmented one, each segment. */
static __always_inline __u32 length_on_link(const struct __sk_buff *skb, const struct packet *packet)
{
	if (skb->gso_size)
		return packet->l4 - packet->l3 + packet->l4_length + skb->gso_size;
	return skb->len - packet->l3;
}

/* The interface that the stack would take the packet from. */
static __always_inline __u32 input_interface(const struct __sk_buff *skb, const struct packet *packet)
{
	if (!packet->switched)
		return skb->ifindex;
	struct device_key key = { .interface = skb->ifindex, .family = packet->ipv4 ? FAMILY_IPV4 : FAMILY_IPV6 };
	struct device *device = bpf_map_lookup_elem(&devices, &key);
	return device && device->bridge ? device->bridge : skb->ifindex;
}

/*
 * Asks the routing table where the flow's packet leaves. False: nowhere, by its own word (blackhole, prohibit,
 * unreachable).
 */
static __noinline bool find_route(struct __sk_buff *skb, struct work *work)
{
	struct bpf_fib_lookup *lookup = &work->lookup;
	struct flow *flow = &work->flow;
	bool ipv4 = work->packet.ipv4;

	work->interface = work->mtu = 0;
	__builtin_memset(lookup, 0, sizeof *lookup);
	lookup->l4_protocol = work->packet.key.protocol;
	lookup->ifindex = input_interface(skb, &work->packet);
	lookup->tot_len = length_on_link(skb, &work->packet);
	lookup->family = ipv4 ? AF_INET : AF_INET6;
	if (ipv4) {
		lookup->ipv4_src = flow->source.word[3];
		lookup->ipv4_dst = flow->destination.word[3];
	} else {
		__builtin_memcpy(lookup->ipv6_src, &flow->source, sizeof flow->source);
		__builtin_memcpy(lookup->ipv6_dst, &flow->destination, sizeof flow->destination);
	}
	switch (bpf_fib_lookup(skb, lookup, sizeof *lookup, 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		break;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		work->mtu = lookup->mtu_result;
		return true;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return false;
	default:
		return true;
	}
	work->interface = lookup->ifindex;
	/* The next hop has taken the destination's place; for IPv4 it may be one of IPv6 (RFC 8950). */
	__builtin_memset(&work->neighbour, 0, sizeof work->neighbour);
	work->neighbour.nh_family = lookup->family;
	if (lookup->family == AF_INET)
		work->neighbour.ipv4_nh = lookup->ipv4_dst;
	else
		__builtin_memcpy(work->neighbour.ipv6_nh, lookup->ipv6_dst, sizeof work->neighbour.ipv6_nh);
	return true;
}

/* Finds out where the packet of a connection goes. */
static __always_inline bool find_way(struct __sk_buff *skb, struct work *work)
{
	if (work->flow.service)
		return find_route(skb, work);
	/* It goes on as it would have gone. */
	work->interface = work->mtu = 0;
	return true;
}

/* Leaves the packet, which is translated, to the stack. */
static __always_inline int stay(struct __sk_buff *skb, const struct packet *packet)
{
	mark_packet(skb, packet->switched ? TRANSLATED_AT_PORT : TRANSLATED);
	return TC_ACT_UNSPEC;
}

/* Sends the packet out by the route that was found. A device without neighbours gets it without a link header. */
static __always_inline int leave(struct __sk_buff *skb, struct work *work)
{
	/* The kernel takes an Ethernet header off first, whatever is in it, so there has to be one. */
	if (!work->packet.l3 && bpf_skb_change_head(skb, ETH_HLEN, 0))
		return TC_ACT_SHOT;
	/* A priority's tag is the last link's. */
	if (skb->vlan_present && bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	mark_packet(skb, TRANSLATED);
	return bpf_redirect_neigh(work->interface, &work->neighbour, sizeof work->neighbour, 0);
}

/* One hop less, as a router does. */
static __always_inline bool count_hop(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 hops = packet->hops - 1;
	if (!packet->ipv4)
		return !bpf_skb_store_bytes(skb, packet->l3 + offsetof(struct ipv6hdr, hop_limit), &hops, 1,
					    BPF_F_RECOMPUTE_CSUM);
	/* The time to live is the upper half of its 16-bit word of the checksum. */
	if (bpf_l3_csum_replace(skb, packet->l3 + offsetof(struct iphdr, check), bpf_htons(packet->hops << 8),
				bpf_htons(hops << 8), 2))
		return false;
	return !bpf_skb_store_bytes(skb, packet->l3 + offsetof(struct iphdr, ttl), &hops, 1, 0);
}

#endif
