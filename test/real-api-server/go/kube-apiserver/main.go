// The real kube-apiserver, with the etcd of its release in the same process, for the tests.
//
// All arguments are kube-apiserver's. ETCD_DATA_DIR, if set, starts an etcd over that folder first, which listens at
// ETCD_CLIENT_URL and ETCD_PEER_URL; without it, the etcd is the one that --etcd-servers names.
package main

import (
	"fmt"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const etcdReadyTimeout = 60 * time.Second

func main() {
	if dataDir := os.Getenv("ETCD_DATA_DIR"); dataDir != "" {
		if err := startEtcd(dataDir, os.Getenv("ETCD_CLIENT_URL"), os.Getenv("ETCD_PEER_URL")); err != nil {
			fmt.Fprintln(os.Stderr, "etcd:", err)
			os.Exit(1)
		}
	}
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}

// startEtcd returns when a single member over dataDir answers at clientURL. Nothing stops it but the end of the process.
func startEtcd(dataDir, clientURL, peerURL string) error {
	client, err := url.Parse(clientURL)
	if err != nil {
		return err
	}
	peer, err := url.Parse(peerURL)
	if err != nil {
		return err
	}
	config := embed.NewConfig()
	config.Dir = dataDir
	config.LogLevel = "error"
	// What it has acknowledged outlives the process, which is all that a test asks for; not a loss of power.
	config.UnsafeNoFsync = true
	config.ListenClientUrls = []url.URL{*client}
	config.AdvertiseClientUrls = []url.URL{*client}
	config.ListenPeerUrls = []url.URL{*peer}
	config.AdvertisePeerUrls = []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return nil
	case err := <-etcd.Err():
		return err
	case <-time.After(etcdReadyTimeout):
		return fmt.Errorf("not ready after %v", etcdReadyTimeout)
	}
}
