// What the compiler does not see: promises nobody waits for, `any` that spreads, switches with a gap, and imports that go upwards.
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const tensorflowAddons = {
  group: ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node/*', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node-gpu/*', '**/*.node'],
  message: 'runtime/engine is the only door to TensorFlow: import its index.ts.',
};
const wholeTfjs = {
  group: ['@tensorflow/tfjs', '@tensorflow/tfjs/*'],
  message: 'Model code needs only @tensorflow/tfjs-core, so that it runs on any backend.',
};
const runtime = { group: ['@srdit/runtime', '@srdit/runtime/*', '**/runtime/**'], message: 'crds is below runtime and must not know it.' };
const operator = { group: ['@srdit/operator', '@srdit/operator/*', '**/operator/**'], message: 'The operator is above: nothing imports upwards.' };
const hands = {
  group: ['fs', 'fs/promises', 'child_process', 'net', 'http', 'https', 'os', 'timers', 'timers/promises', 'worker_threads', 'process']
    .flatMap((name) => [name, `node:${name}`]),
  message: 'A plan is pure: what it needs to know of the world is in what was observed.',
};
const ours = { group: ['@srdit/*', '**/crds/**', '**/runtime/**', '**/operator/plan/**'], message: 'kopf-ts is a package of its own and knows nothing of ours.' };
const imports = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

export default defineConfig(
  globalIgnores(['**/node_modules/', '.srdit/', '**/build/']),
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-constant-condition': ['error', { checkLoops: 'allExceptWhileTrue' }],
      'object-shorthand': 'error',
      'prefer-const': 'error',
      // The compiler knows which names exist.
      'no-undef': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      // node:test's own functions give promises that the runner itself waits for.
      '@typescript-eslint/no-floating-promises': ['error', {
        allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'default'] }],
      }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowArray: true, allowNever: true }],
      // An async function without await is how an interface that may wait is met by one that need not.
      '@typescript-eslint/require-await': 'off',
      ...imports(tensorflowAddons),
    },
  },
  { files: ['runtime/**/*.ts'], rules: imports(tensorflowAddons, operator) },
  { files: ['runtime/engine/**/*.ts'], rules: imports(operator) },
  { files: ['runtime/model/**/*.ts', 'runtime/flow/**/*.ts'], ignores: ['**/*.test.ts'], rules: imports(tensorflowAddons, wholeTfjs, operator) },
  { files: ['operator/kopf-ts/**/*.ts'], rules: imports(ours) },
  { files: ['crds/**/*.ts'], rules: imports(tensorflowAddons, runtime, operator) },
  { files: ['operator/plan/**/*.ts'], ignores: ['**/*.test.ts', '**/testing/**'], rules: imports(tensorflowAddons, hands) },
  { files: ['**/*.js'], extends: [js.configs.recommended] },
);
