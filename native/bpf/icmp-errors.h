/*
 * ICMP errors about packets of translated connections: port unreachable from an endpoint without a listener, too large
 * from a router on the way. They quote the packet as it was there; the client has to get it as it had sent it.
 */
#ifndef PORTOLAN_ICMP_ERRORS_H
#define PORTOLAN_ICMP_ERRORS_H

#define ICMP_HEADER 8

/* False: not ICMP of the packet's family, or cut off. */
static __always_inline bool icmp_type(struct __sk_buff *skb, const struct packet *packet, __u8 *type)
{
	return packet->key.protocol == (packet->ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	       !bpf_skb_load_bytes(skb, packet->l4, type, sizeof *type);
}

static __always_inline bool is_error(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 type;
	if (!icmp_type(skb, packet, &type))
		return false;
	/* Unreachable, time exceeded, parameter problem; all of ICMPv6's below 128. */
	return packet->ipv4 ? type == 3 || type == 11 || type == 12 : type < 128;
}

/* What must never be answered with an error: errors, redirects, source quenches (RFC 1122, 3.2.2; RFC 4443, 2.4). */
static __always_inline bool is_unanswerable(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 type;
	if (!icmp_type(skb, packet, &type))
		return false;
	return is_error(skb, packet) || (packet->ipv4 ? type == 4 || type == 5 : type == 137);
}

/* Turns what is quoted into the key of its answers. False: not TCP or UDP, or cut off too early. */
static __always_inline bool parse_quoted(struct __sk_buff *skb, const struct packet *packet, struct flow_key *back,
					 __u32 *quoted_l4)
{
	__u32 offset = packet->l4 + ICMP_HEADER;
	__be16 ports[2];

	__builtin_memset(back, 0, sizeof *back);
	if (packet->ipv4) {
		struct iphdr ip;
		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip) || ip.ihl < 5 || (ip.frag_off & bpf_htons(0x1fff)))
			return false;
		back->source = ipv4_address(ip.daddr);
		back->destination = ipv4_address(ip.saddr);
		back->protocol = ip.protocol;
		*quoted_l4 = offset + ip.ihl * 4;
	} else {
		struct ipv6hdr ip;
		__u32 protocol, l4 = offset + sizeof ip;
		__u8 fragment = WHOLE;
		__be32 id;
		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip))
			return false;
		__builtin_memcpy(&back->source, &ip.daddr, sizeof back->source);
		__builtin_memcpy(&back->destination, &ip.saddr, sizeof back->destination);
		protocol = ip.nexthdr;
		if (!skip_extensions(skb, &l4, &protocol, &fragment, &id) || fragment == LATER_FRAGMENT)
			return false;
		back->protocol = protocol;
		*quoted_l4 = l4;
	}
	if ((back->protocol != IPPROTO_TCP && back->protocol != IPPROTO_UDP) ||
	    bpf_skb_load_bytes(skb, *quoted_l4, ports, sizeof ports))
		return false;
	back->source_port = ports[1];
	back->destination_port = ports[0];
	return true;
}

/*
 * Writes the two addresses of an IPv4 header and its checksum. What is quoted sums up to the same as before then, so
 * the error's own checksum holds.
 */
static __always_inline bool write_ipv4(struct __sk_buff *skb, __u32 offset, struct address *old,
				       struct address *new)
{
	__s64 difference = bpf_csum_diff(old->word, 2 * sizeof *old, new->word, 2 * sizeof *new, 0);
	__be32 addresses[2] = { new[0].word[3], new[1].word[3] };
	return difference >= 0 && !bpf_l3_csum_replace(skb, offset + offsetof(struct iphdr, check), 0, difference, 0) &&
	       !bpf_skb_store_bytes(skb, offset + offsetof(struct iphdr, saddr), addresses, sizeof addresses, 0);
}

/* The same for IPv6, whose addresses are part of the error's checksum: the outer ones as its pseudo header. */
static __always_inline bool write_ipv6(struct __sk_buff *skb, __u32 offset, __u32 checksum, __u64 pseudo,
				       struct address *old, struct address *new)
{
	__s64 difference = bpf_csum_diff(old->word, 2 * sizeof *old, new->word, 2 * sizeof *new, 0);
	if (difference < 0 || bpf_l4_csum_replace(skb, checksum, 0, difference, pseudo))
		return false;
	/* As in translate.h. */
	if (pseudo)
		bpf_csum_update(skb, difference);
	return !bpf_skb_store_bytes(skb, offset + offsetof(struct ipv6hdr, saddr), new, 2 * sizeof *new, 0);
}

static __noinline int return_error(struct __sk_buff *skb, struct work *work)
{
	struct packet *packet = &work->packet;
	struct address *old = &work->addresses[0], *new = &work->addresses[2];
	struct flow *flow = &work->flow;
	__u32 checksum = packet->l4 + offsetof(struct icmp_error, checksum);
	__u32 quoted = packet->l4 + ICMP_HEADER, quoted_l4 = 0;

	if (!parse_quoted(skb, packet, &work->back, &quoted_l4))
		return TC_ACT_UNSPEC;
	struct flow *answers = bpf_map_lookup_elem(&flows, &work->back);
	if (!answers)
		return TC_ACT_UNSPEC;
	*flow = *answers;

	/* What is quoted goes the other way than answers do. */
	__be16 ports[2] = { flow->destination_port, flow->source_port };
	old[0] = work->back.destination;
	old[1] = work->back.source;
	new[0] = flow->destination;
	new[1] = flow->source;
	/* An endpoint speaks under the frontend's name; a router on the way keeps its own. */
	if (!same_address(&packet->key.source, &work->back.source))
		flow->source = packet->key.source;
	if (!find_way(skb, work))
		return TC_ACT_SHOT;
	if (packet->switched && flow->service && !work->interface)
		return TC_ACT_UNSPEC;
	if (packet->ipv4 ? !write_ipv4(skb, quoted, old, new) : !write_ipv6(skb, quoted, checksum, 0, old, new))
		return TC_ACT_SHOT;
	if (bpf_l4_csum_replace(skb, checksum, work->back.destination_port, ports[0], 2) ||
	    bpf_l4_csum_replace(skb, checksum, work->back.source_port, ports[1], 2) ||
	    bpf_skb_store_bytes(skb, quoted_l4, ports, sizeof ports, 0))
		return TC_ACT_SHOT;

	old[0] = packet->key.source;
	old[1] = packet->key.destination;
	new[0] = flow->source;
	new[1] = flow->destination;
	if (packet->ipv4 ? !write_ipv4(skb, packet->l3, old, new)
			 : !write_ipv6(skb, packet->l3, checksum, BPF_F_PSEUDO_HDR, old, new))
		return TC_ACT_SHOT;
	return work->interface ? leave(skb, work) : stay(skb, packet);
}

#endif
