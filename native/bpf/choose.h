/*
 * The routing table's rules: which frontend a destination is, and which endpoint a new connection gets. Sockets and
 * packets ask here alike.
 */
#ifndef PORTOLAN_CHOOSE_H
#define PORTOLAN_CHOOSE_H

#define NANOSECONDS 1000000000ULL

/* How long ago, in nanoseconds: less than nothing where another processor has just written a later time. */
static __always_inline __s64 age(__u64 now, __u64 last)
{
	return now - last;
}

/* What a destination is to us. Without a service: a rule for the rest of the ClusterIP ranges, or nothing. */
struct found {
	__u32 service;
	__u8 verdict[3];
	__u8 flags;
};

static __always_inline bool is_kind(const struct address *address, __u8 kind)
{
	struct frontend_key key = { .address = *address, .kind = kind };
	return bpf_map_lookup_elem(&frontends, &key) != NULL;
}

static __always_inline bool in_range(__u32 scope, const struct address *address)
{
	struct range_key key = { .prefix_length = 32 + 128, .scope = bpf_htonl(scope), .address = *address };
	return bpf_map_lookup_elem(&ranges, &key) != NULL;
}

/* Addresses of Services go before NodePorts, and both before the rules for the rest of the ClusterIP ranges. */
static __always_inline bool find_frontend(const struct address *address, __be16 port, __u8 protocol,
					  struct found *found)
{
	struct frontend_key key = { .address = *address, .port = port, .protocol = protocol, .kind = KIND_ADDRESS };
	struct frontend *frontend = NULL;

	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
		frontend = bpf_map_lookup_elem(&frontends, &key);
		if (!frontend && is_kind(address, KIND_NODE_PORT_ADDRESS)) {
			key.kind = KIND_NODE_PORT;
			key.address.word[3] = 0;
			if (!is_ipv4(address))
				key.address.word[0] = key.address.word[1] = key.address.word[2] = 0;
			frontend = bpf_map_lookup_elem(&frontends, &key);
		}
	}
	if (frontend) {
		found->service = frontend->service;
		found->verdict[0] = frontend->verdict[0];
		found->verdict[1] = frontend->verdict[1];
		found->verdict[2] = frontend->verdict[2];
		found->flags = frontend->flags;
		return true;
	}
	__u8 verdict = 0;
	/* An agent may have bound a ClusterIP to this node (NodeLocal DNSCache): its other ports are the agent's. */
	if (is_kind(address, KIND_LOCAL_ADDRESS))
		verdict = 0;
	else if (is_kind(address, KIND_CLUSTER_IP))
		verdict = VERDICT_REJECT | VERDICT_AT_SOCKET;
	else if (in_range(SCOPE_UNALLOCATED, address))
		verdict = VERDICT_DROP;
	found->service = 0;
	found->verdict[0] = found->verdict[1] = found->verdict[2] = verdict;
	found->flags = 0;
	return verdict != 0;
}

static __always_inline bool is_member(__u32 service, __u8 local, const struct address *address, __be16 port)
{
	struct member_key key = { .address = *address, .service = service, .port = port, .local = local };
	return bpf_map_lookup_elem(&members, &key) != NULL;
}

/*
 * Picks one endpoint uniformly at random, or the one that the client had before (session affinity). Every new
 * connection starts the affinity timeout anew.
 */
static __always_inline bool choose_endpoint(__u32 id, __u8 local, const struct address *client,
					    struct endpoint *chosen)
{
	struct service *service = bpf_map_lookup_elem(&services, &id);
	if (!service)
		return false;
	__u64 word = *(volatile __u64 *)&service->word;
	__u32 first = (__u32)word, count = (word >> 32) & 0xffff;
	if (local) {
		first += count;
		count = word >> 48;
	}
	if (!count)
		return false;

	struct affinity_key key = { .client = *client, .service = id, .local = local };
	__s64 timeout = (__u64)service->affinity_seconds * NANOSECONDS;
	__u64 now = 0;
	if (timeout) {
		struct affinity *before = bpf_map_lookup_elem(&affinities, &key);
		now = bpf_ktime_get_ns();
		if (before && age(now, before->last) < timeout && is_member(id, local, &before->address, before->port)) {
			before->last = now;
			chosen->address = before->address;
			chosen->port = before->port;
			return true;
		}
	}
	__u32 index = first + bpf_get_prandom_u32() % count;
	struct endpoint *endpoint = bpf_map_lookup_elem(&endpoints, &index);
	if (!endpoint)
		return false;
	chosen->address = endpoint->address;
	chosen->port = endpoint->port;
	if (timeout) {
		struct affinity after = { .address = chosen->address, .last = now, .port = chosen->port };
		bpf_map_update_elem(&affinities, &key, &after, BPF_ANY);
	}
	return true;
}

#endif
