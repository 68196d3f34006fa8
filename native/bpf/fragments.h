/*
 * Datagrams in pieces: only the first one has ports, so those are remembered for the others.
 *
 * A piece that comes before the first of its datagram has no ports, and nothing can be held back here; so the datagram is
 * lost, as by any reordering that a receiver doesn't wait for. At an address that is for Services alone (a ClusterIP, or
 * an unassigned address of their ranges) the piece is dropped; to any other address it may be of a datagram that is none of
 * ours, so the stack gets it. (Linux' own conntrack puts datagrams together first. Senders send the first piece first, and the
 * pieces of one datagram take one way, for routers that choose by ports too see none in any but the first.)
 */
#ifndef PORTOLAN_FRAGMENTS_H
#define PORTOLAN_FRAGMENTS_H

static __always_inline struct fragment_key fragment_key_of(const struct packet *packet)
{
	struct fragment_key key = {
		.source = packet->key.source,
		.destination = packet->key.destination,
		.id = packet->fragment_id,
		.protocol = packet->ipv4 ? packet->key.protocol : 0,
	};
	return key;
}

/* For the first piece of a datagram that is translated. */
static __always_inline void remember_ports(const struct packet *packet)
{
	struct fragment_key key = fragment_key_of(packet);
	struct fragment fragment = {
		.last = bpf_ktime_get_ns(),
		.source_port = packet->key.source_port,
		.destination_port = packet->key.destination_port,
		.protocol = packet->key.protocol,
	};
	bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY);
}

/* For another piece of it. */
static __always_inline void recall_ports(struct packet *packet)
{
	struct fragment_key key = fragment_key_of(packet);
	struct fragment *fragment = bpf_map_lookup_elem(&fragments, &key);
	if (!fragment || age(bpf_ktime_get_ns(), fragment->last) > (__s64)(FRAGMENT_TIMEOUT * NANOSECONDS))
		return;
	packet->key.source_port = fragment->source_port;
	packet->key.destination_port = fragment->destination_port;
	packet->key.protocol = fragment->protocol;
	packet->translatable = 1;
}

/* For the first piece of a datagram that is not translated: an earlier one may have had the same number. */
static __always_inline void forget_ports(const struct packet *packet)
{
	struct fragment_key key = fragment_key_of(packet);
	bpf_map_delete_elem(&fragments, &key);
}

#endif
