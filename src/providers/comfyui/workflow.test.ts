// The shipped workflows against what a real server said of its nodes: every required input is there, every link carries the
// right type, every number is in range. Filling, choosing and reading results, where the adapter's tests do not reach.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { comfyuiRecordings } from '../../../test/harness/fake-comfyui.ts';
import { readOutcome } from './outcome.ts';
import {
  fillTemplate,
  loadTemplate,
  missingFrom,
  parseOffer,
  parseTemplate,
  TEMPLATE_NAMES,
  TemplateError,
} from './workflow.ts';

const { object_info: objectInfo, versions } = comfyuiRecordings();

interface InputRule {
  min?: number;
  max?: number;
}

for (const name of TEMPLATE_NAMES) {
  test(`the shipped workflow "${name}" is valid for the recorded server`, () => {
    const values = {
      prompt: 'x',
      checkpoint: 'tiny-random.safetensors',
      upscale_model: 'tiny-random-4x.safetensors',
    };
    const graph = fillTemplate(loadTemplate(name, null), values, 2);
    for (const [id, node] of Object.entries(graph)) {
      const info = objectInfo[node.class_type];
      assert.ok(info, `${node.class_type} is recorded`);
      const rules: Record<string, unknown[]> = { ...info.input.required, ...info.input.optional };
      const missing = Object.keys(info.input.required).filter((input) => !(input in node.inputs));
      assert.deepEqual(missing, [], `node ${id} (${node.class_type})`);
      for (const [input, value] of Object.entries(node.inputs)) {
        const [type, rule = {}] = (rules[input] ?? []) as [unknown, InputRule?];
        assert.ok(type, `${node.class_type} has an input ${input}`);
        if (Array.isArray(value)) {
          const source = graph[value[0] as string];
          const outputs = objectInfo[source?.class_type ?? '']?.output as unknown[] | undefined;
          assert.equal(outputs?.[value[1] as number], type, `${id}.${input}`);
        } else if (typeof value === 'number') {
          assert.ok(
            value >= (rule.min ?? value) && value <= (rule.max ?? value),
            `${id}.${input} = ${value}`,
          );
        }
      }
    }
    const offers = new Map(Object.entries(objectInfo).map(([key, info]) => [key, parseOffer(info)]));
    assert.deepEqual(missingFrom(graph, offers), []);
  });
}

test('a server that lacks a node, a file or a choice is told apart from one that has them', () => {
  const template = loadTemplate('text-to-image', null);
  const graph = fillTemplate(template, { checkpoint: 'gone.safetensors', sampler: 'nosuch' }, 1);
  const offers = new Map(Object.entries(objectInfo).map(([key, info]) => [key, parseOffer(info)]));
  offers.set('VAEDecode', null);
  assert.deepEqual(missingFrom(graph, offers).sort(), [
    '"nosuch" as sampler_name of the node "KSampler"',
    'the checkpoint "gone.safetensors"',
    'the node "VAEDecode"',
  ]);
});

test('an own workflow replaces the shipped one; one that cannot work is refused with its name', () => {
  const directory = mkdtempSync(join(tmpdir(), 'workflows-'));
  const graph = { '1': { class_type: 'Painter', inputs: { text: '', noise: 0 } } };
  writeFileSync(
    join(directory, 'text-to-image.json'),
    JSON.stringify({ graph, inputs: { prompt: '1.text' } }),
  );
  const own = loadTemplate('text-to-image', directory);
  assert.deepEqual(fillTemplate(own, { prompt: 'a fox', seed: 5 }, 2)['1']?.inputs, {
    text: 'a fox',
    noise: 0,
  });
  assert.equal(loadTemplate('upscale', directory).graph['3']?.class_type, 'ImageUpscaleWithModel');
  rmSync(directory, { recursive: true });
  const refused: [unknown, RegExp][] = [
    [{ graph: { nodes: [], links: [] }, inputs: {} }, /Export \(API\)/],
    [{ graph, inputs: { prompt: '9.text' } }, /names no node/],
    [{ graph, inputs: { promt: '1.text' } }, /maps "promt"/],
    [{ graph, inputs: {} }, /where "prompt" goes/],
    [{ graph: { '1_p2': graph['1'] }, inputs: {} }, /must not end in _p/],
    [{ graph: { '1': { inputs: {} } }, inputs: {} }, /no "class_type"/],
  ];
  for (const [raw, words] of refused) {
    assert.throws(
      () => parseTemplate('text-to-image', JSON.stringify(raw)),
      (error) => error instanceof TemplateError && words.test(error.message),
    );
  }
});

test('a recorded success names its file; previews, sounds and texts are no results beside a saved picture', () => {
  for (const recording of Object.values(versions)) {
    const outcome = readOutcome(recording.entries.success, 'ComfyUI server 1');
    assert.ok(outcome.state === 'done');
    assert.match(outcome.files[0]?.filename ?? '', /^txt2img_\d+_\.png$/);
  }
  const file = (filename: string, type = 'output') => ({ filename, subfolder: '', type });
  const mixed = readOutcome(
    {
      status: { status_str: 'success', completed: true, messages: [] },
      outputs: {
        '9_p1': { images: [file('b.png')] },
        '9': { images: [file('a.png')], text: ['words'] },
        '12': { audio: [file('c.flac')], images: [file('d.png', 'temp')] },
        '13': { gifs: [file('e.webp')] },
        '14': { images: [file('moving.webp')], animated: [true] },
      },
    },
    'ComfyUI server 1',
  );
  const names = mixed.state === 'done' ? mixed.files.map(({ filename }) => filename) : [];
  assert.deepEqual(names.sort(), ['a.png', 'b.png', 'e.webp']);
});

test('a workflow that makes no still picture is refused with what it made, and no file name is told', () => {
  const status = { status_str: 'success', completed: true, messages: [] };
  const file = (filename: string) => ({ filename, subfolder: '', type: 'output' });
  const cases: [Record<string, unknown>, RegExp][] = [
    [
      { '9': { images: [file('secret.mp4')], animated: [true] } },
      /with a moving picture \(mp4\) and no still/,
    ],
    [{ '9': { images: [file('secret.webp')], animated: [true] } }, /with a moving picture \(webp\)/],
    [{ '9': { audio: [file('secret.flac')] }, '8': { '3d': [file('x.glb')] } }, /with a file \(flac, glb\)/],
    [{ '9': { text: ['words'] } }, /without a picture/],
  ];
  for (const [outputs, words] of cases) {
    const outcome = readOutcome({ status, outputs }, 'ComfyUI server 1');
    assert.ok(outcome.state === 'failed');
    assert.match(outcome.error.message, words);
    assert.ok(!outcome.error.message.includes('secret'));
  }
});
