/* The maps: see structures.h for what is in them. */
#ifndef PORTOLAN_MAPS_H
#define PORTOLAN_MAPS_H

/* Sizes are what a node gets without settings. */
MAP(frontends, HASH, struct frontend_key, struct frontend, 1048576, BPF_F_NO_PREALLOC);
MAP(services, ARRAY, __u32, struct service, 262144, 0);
MAP(endpoints, ARRAY, __u32, struct endpoint, 2097152, 0);
MAP(ranges, LPM_TRIE, struct range_key, __u8, 262144, BPF_F_NO_PREALLOC);
MAP(members, HASH, struct member_key, __u8, 1048576, BPF_F_NO_PREALLOC);
MAP(affinities, LRU_HASH, struct affinity_key, struct affinity, 65536, 0);
MAP(flows, LRU_HASH, struct flow_key, struct flow, 262144, 0);
MAP(untranslated, LRU_HASH, struct flow_key, struct untranslated, 65536, 0);
MAP(fragments, LRU_HASH, struct fragment_key, struct fragment, 16384, 0);
MAP(peers, LRU_HASH, struct peer_key, struct peer, 65536, 0);
MAP(choices, LRU_HASH, struct peer_key, struct choice, 65536, 0);
MAP(devices, HASH, struct device_key, struct device, 4096, BPF_F_NO_PREALLOC);
MAP(namespaces, HASH, __u64, __u8, 4096, BPF_F_NO_PREALLOC);
MAP(node_settings, ARRAY, __u32, struct settings, 2, 0);

static __always_inline struct settings *read_settings(bool ipv4)
{
	__u32 family = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;
	return bpf_map_lookup_elem(&node_settings, &family);
}

#endif
