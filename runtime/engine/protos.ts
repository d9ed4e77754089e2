import protobuf from 'protobufjs';

/** The parts of TensorFlow's config.proto, tensorflow_server.proto and cluster.proto that the engine sets. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message GPUOptions { bool allow_growth = 4; }
  message Experimental { string collective_group_leader = 1; }
  message ConfigProto {
    map<string, int32> device_count = 1;
    int32 intra_op_parallelism_threads = 2;
    int32 inter_op_parallelism_threads = 5;
    GPUOptions gpu_options = 6;
    bool allow_soft_placement = 7;
    Experimental experimental = 16;
  }
  message JobDef { string name = 1; map<int32, string> tasks = 2; }
  message ClusterDef { repeated JobDef job = 1; }
  message ServerDef {
    ClusterDef cluster = 1;
    string job_name = 2;
    int32 task_index = 3;
    ConfigProto default_session_config = 4;
    string protocol = 5;
  }
`, { keepCase: true });

export interface SessionConfig { readonly threads: number; readonly gpu: boolean }

/** Job name of every gang; task number = rank. */
export const JOB = 'worker';
export const taskName = (rank: number): string => `/job:${JOB}/replica:0/task:${rank}`;

const configObject = ({ threads, gpu }: SessionConfig): object => ({
  device_count: gpu ? {} : { GPU: 0 },
  intra_op_parallelism_threads: threads,
  inter_op_parallelism_threads: threads,
  gpu_options: { allow_growth: true },
  allow_soft_placement: true,
  experimental: { collective_group_leader: taskName(0) },
});

const encode = (type: string, value: object): Uint8Array => {
  const message = root.lookupType(type);
  return message.encode(message.fromObject(value)).finish();
};

/** Serialized ConfigProto. */
export const encodeConfig = (config: SessionConfig): Uint8Array => encode('ConfigProto', configObject(config));

/** Serialized ServerDef of one rank of a gang. */
export const encodeServer = (config: SessionConfig, rank: number, addresses: readonly string[]): Uint8Array =>
  encode('ServerDef', {
    cluster: { job: [{ name: JOB, tasks: Object.fromEntries(addresses.entries()) }] },
    job_name: JOB,
    task_index: rank,
    default_session_config: configObject(config),
    protocol: 'grpc',
  });
