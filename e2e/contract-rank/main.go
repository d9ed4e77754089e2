// A worker that keeps the contract of docs/contributing/architecture.md and learns nothing: it counts steps together with its peers, claims its attempt,
// writes checkpoints, answers GET /progress, leaves a last word and an exit code. Scenarios with many pods run it instead of TensorFlow. What it is to do
// wrong comes from the resource's pod.env:
//
//	TEST_STEP_MS=20        time of a step
//	TEST_LOADING_MS=0      time before the gang forms
//	TEST_CHECKPOINT_MS=0   time between a checkpoint's files and its manifest
//	TEST_END=1:65@7        rank 0 of attempt 1 ends with code 65 at step 7; without "1:" in every attempt
//	TEST_STALL=1:7         rank 0 of attempt 1 takes no step after 7
//	TEST_HANG=1:7          rank 0 of attempt 1 is cut off from its peers after step 7 and lives on, deaf to SIGTERM
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type checkpoint struct {
	Step   int    `json:"step"`
	URI    string `json:"uri"`
	Bytes  int    `json:"bytes"`
	Digest string `json:"digest"`
}

type runConfig struct {
	Kind, Namespace, Name, UID, CheckpointURI string
	Attempt                                   int
	Spec                                      struct {
		Steps, Count int
		Storage      struct{ URI string }
		Data         struct{ URI string }
		Checkpoints  struct{ EverySteps int }
		Gang         struct{ Workers, RanksPerWorker int }
	}
}

type lastWord struct {
	ExitCode   int         `json:"exitCode"`
	Reason     string      `json:"reason"`
	Message    string      `json:"message"`
	Rank       int         `json:"rank"`
	Step       int         `json:"step"`
	LostRank   *int        `json:"lostRank,omitempty"`
	Checkpoint *checkpoint `json:"checkpoint,omitempty"`
	Result     any         `json:"result,omitempty"`
}

var (
	run         runConfig
	rank        int // of the worker's first rank: one process stands for all of them
	training    bool
	root        string
	mutex       sync.Mutex // over what follows: GET /progress reads it
	step        int
	phase       = "Joining"
	checkpoints []checkpoint // newest first
	over        atomic.Bool  // from now on peers end because all do
)

func main() {
	if err := json.Unmarshal([]byte(os.Getenv("SRDIT_RUN")), &run); err != nil {
		end(lastWord{ExitCode: 64, Reason: "WrongRunConfig", Message: fmt.Sprintf("Cannot use SRDIT_RUN: %v. Set it to what the plan tells", err)})
	}
	training = run.Kind == "SRDiTTraining"
	worker, _ := strconv.Atoi(os.Getenv("SRDIT_WORKER"))
	rank = worker * run.Spec.Gang.RanksPerWorker
	root = filepath.Join("/", os.Getenv("SRDIT_FILE_ROOT"), strings.TrimPrefix(run.Spec.Storage.URI, "file://"))
	of := run.Spec.Steps
	if !training {
		of = run.Spec.Count
	}
	stopped := make(chan os.Signal, 8)
	signal.Notify(stopped, syscall.SIGTERM, syscall.SIGINT)
	if rank == 0 {
		serve(of)
	}
	if training && strings.HasSuffix(run.Spec.Data.URI, "/missing") {
		end(lastWord{ExitCode: 64, Reason: "NoData", Message: fmt.Sprintf("Cannot find the data set %q. Set spec.data.uri to a folder that holds index.json", run.Spec.Data.URI)})
	}
	if rank == 0 {
		claim()
		mutex.Lock()
		checkpoints = existing()
		if len(checkpoints) > 0 {
			step = checkpoints[0].Step
		}
		mutex.Unlock()
	}
	say("Loading")
	pause(stopped, "TEST_LOADING_MS", 0)
	peers := join(stopped)
	if training {
		say("Training")
	} else {
		say("Sampling")
	}
	stop := false
	for count := 0; rank != 0 || step < of; count++ {
		select {
		case <-stopped:
			stop = true
		case <-time.After(milliseconds("TEST_STEP_MS", 20)):
		}
		if at, mine := forAttempt("TEST_STALL"); mine && rank == 0 && strconv.Itoa(step) == at {
			<-stopped
			stop = true
		}
		if at, mine := forAttempt("TEST_HANG"); mine && rank == 0 && strconv.Itoa(step) == at {
			over.Store(true) // the peers will say that they have lost it, it will not
			for _, socket := range peers.out {
				socket.Close()
			}
			select {}
		}
		agreed := peers.agree(stop, rank == 0 && step+1 >= of)
		over.Store(agreed != 'g')
		mutex.Lock()
		step++
		mutex.Unlock()
		if agreed == 's' {
			save()
			end(lastWord{ExitCode: 75, Reason: "Stopped", Message: fmt.Sprintf("Stopped at step %d", step)})
		}
		if what, mine := forAttempt("TEST_END"); mine && rank == 0 {
			if code, at, _ := strings.Cut(what, "@"); at == strconv.Itoa(step) {
				number, _ := strconv.Atoi(code)
				end(lastWord{ExitCode: number, Reason: map[int]string{64: "WrongConfiguration", 65: "Diverged"}[number] + "Asked", Message: fmt.Sprintf("Ended at step %d as the test asked", step)})
			}
		}
		if training && run.Spec.Checkpoints.EverySteps > 0 && step%run.Spec.Checkpoints.EverySteps == 0 {
			save()
		}
		if agreed == 'd' {
			break
		}
	}
	word := lastWord{ExitCode: 0, Reason: "Complete", Message: fmt.Sprintf("Done at step %d", step)}
	if training {
		save()
	} else {
		word.Result = map[string]any{"checkpoint": run.CheckpointURI, "step": 0, "count": of, "features": "pixels", "frechetDistance": 1.5, "precision": 0.5, "recall": 0.25}
	}
	end(word)
}

func say(what string) { mutex.Lock(); phase = what; mutex.Unlock() }

func milliseconds(name string, otherwise int) time.Duration {
	number, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		number = otherwise
	}
	return time.Duration(number) * time.Millisecond
}

// pause ends the process if it is told to stop meanwhile: before the gang has formed there is nobody to agree with.
func pause(stopped chan os.Signal, name string, otherwise int) {
	select {
	case <-stopped:
		end(lastWord{ExitCode: 75, Reason: "Stopped", Message: "Stopped before the gang had formed"})
	case <-time.After(milliseconds(name, otherwise)):
	}
}

func forAttempt(name string) (string, bool) {
	value := os.Getenv(name)
	attempt, rest, found := strings.Cut(value, ":")
	if !found {
		return value, value != ""
	}
	return rest, attempt == strconv.Itoa(run.Attempt)
}

func end(word lastWord) {
	word.Rank, word.Step = rank, step
	if len(checkpoints) > 0 {
		word.Checkpoint = &checkpoints[0]
	}
	text, _ := json.Marshal(word)
	os.WriteFile(os.Getenv("SRDIT_TERMINATION_LOG"), text, 0o644)
	fmt.Println(word.Message)
	os.Exit(word.ExitCode)
}

func serve(of int) {
	http.HandleFunc("/progress", func(answer http.ResponseWriter, _ *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		json.NewEncoder(answer).Encode(map[string]any{
			"uid": run.UID, "attempt": run.Attempt, "phase": phase, "time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
			"step": step, "of": of, "loss": 1 / float64(1+step), "lossEma": 1 / float64(1+step), "imagesPerSecond": 10, "etaSeconds": of - step,
			"checkpoints": checkpoints[:min(5, len(checkpoints))],
		})
	})
	http.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, "ok") })
	go http.ListenAndServe(":"+os.Getenv("SRDIT_HTTP_PORT"), nil)
}

// ---- storage

func claim() {
	folder := filepath.Join(root, "attempts", strconv.Itoa(run.Attempt))
	if err := os.MkdirAll(folder, 0o777); err != nil {
		end(lastWord{ExitCode: 64, Reason: "NoStorage", Message: fmt.Sprintf("Cannot write %q: %v. Give the volume's folder to group 65532", run.Spec.Storage.URI, err)})
	}
	file, err := os.OpenFile(filepath.Join(folder, "claim"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, os.ErrExist) || newerClaim() {
		end(lastWord{ExitCode: 75, Reason: "ClaimTaken", Message: fmt.Sprintf("Attempt %d has been claimed by another process", run.Attempt)})
	}
	host, _ := os.Hostname()
	fmt.Fprintf(file, "%s %s\n", run.UID, host)
	file.Close()
}

func newerClaim() bool {
	claims, _ := filepath.Glob(filepath.Join(root, "attempts", "*", "claim"))
	for _, path := range claims {
		if attempt, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))); attempt > run.Attempt {
			return true
		}
	}
	return false
}

func existing() []checkpoint {
	found := []checkpoint{}
	manifests, _ := filepath.Glob(filepath.Join(root, "attempts", "*", "checkpoints", "*", "manifest.json"))
	for _, path := range manifests {
		folder := filepath.Dir(path)
		at, _ := strconv.Atoi(filepath.Base(folder))
		found = append(found, checkpoint{at, run.Spec.Storage.URI + strings.TrimPrefix(folder, root), 2, "none"})
	}
	sort.Slice(found, func(a, b int) bool { return found[a].Step > found[b].Step })
	return found
}

func save() {
	path := fmt.Sprintf("/attempts/%d/checkpoints/%09d", run.Attempt, step)
	if rank == 0 {
		before := phase
		say("Checkpointing")
		os.MkdirAll(root+path, 0o777)
		os.WriteFile(root+path+"/model.safetensors", []byte("{}"), 0o666)
		time.Sleep(milliseconds("TEST_CHECKPOINT_MS", 0))
		if newerClaim() {
			end(lastWord{ExitCode: 75, Reason: "Fenced", Message: fmt.Sprintf("Attempt %d must not write any more: a newer one has claimed %q", run.Attempt, run.Spec.Storage.URI)})
		}
		host, _ := os.Hostname()
		os.WriteFile(root+path+"/manifest.json", fmt.Appendf(nil, `{"step":%d,"attempt":%d,"host":%q}`, step, run.Attempt, host), 0o666)
		say(before)
		mutex.Lock()
		checkpoints = append([]checkpoint{{step, run.Spec.Storage.URI + path, 2, "none"}}, checkpoints...)
		mutex.Unlock()
	}
}

// ---- the gang: a star around rank 0. In each step every worker says whether it wants to stop and hears what holds: go on (g), stop (s), done (d).

type gang struct {
	said []chan byte // by worker; of rank 0 only
	out  []net.Conn
}

func join(stopped chan os.Signal) *gang {
	addresses := strings.Split(os.Getenv("SRDIT_ADDRESSES"), ",")
	if rank != 0 {
		for {
			if socket, err := net.DialTimeout("tcp", addresses[0], time.Second); err == nil {
				fmt.Fprintf(socket, "%4d", rank)
				return &gang{[]chan byte{listen(socket, 0)}, []net.Conn{socket}}
			}
			pause(stopped, "", 50)
		}
	}
	_, port, _ := net.SplitHostPort(addresses[0])
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		end(lastWord{ExitCode: 1, Reason: "NoPort", Message: err.Error()})
	}
	arrived := make(chan net.Conn)
	go func() {
		for {
			if socket, err := listener.Accept(); err == nil {
				arrived <- socket
			}
		}
	}()
	peers := &gang{}
	for len(peers.out) < run.Spec.Gang.Workers-1 {
		select {
		case socket := <-arrived:
			name := make([]byte, 4)
			if _, err := socket.Read(name); err != nil {
				continue // a probe, or one that has died already
			}
			peer, _ := strconv.Atoi(strings.TrimSpace(string(name)))
			peers.said, peers.out = append(peers.said, listen(socket, peer)), append(peers.out, socket)
		case <-stopped:
			end(lastWord{ExitCode: 75, Reason: "Stopped", Message: "Stopped before the gang had formed"})
		}
	}
	return peers
}

// listen ends the process when the peer is lost.
func listen(socket net.Conn, peer int) chan byte {
	said := make(chan byte, 16)
	go func() {
		letter := make([]byte, 1)
		for {
			if _, err := socket.Read(letter); err != nil {
				time.Sleep(100 * time.Millisecond) // the word that all is over may have come with the end
				if over.Load() {
					return
				}
				end(lastWord{ExitCode: 76, Reason: "PeerLost", Message: fmt.Sprintf("Lost rank %d", peer), LostRank: &peer})
			}
			said <- letter[0]
		}
	}()
	return said
}

func (peers *gang) agree(stop, done bool) byte {
	own := byte('g')
	if stop {
		own = 's'
	}
	if rank != 0 {
		peers.out[0].Write([]byte{own})
		return <-peers.said[0]
	}
	for _, said := range peers.said {
		if <-said == 's' {
			own = 's'
		}
	}
	if own == 'g' && done {
		own = 'd'
	}
	for _, socket := range peers.out {
		socket.Write([]byte{own})
	}
	return own
}
