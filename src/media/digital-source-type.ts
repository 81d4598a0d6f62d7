// The label that tells machines and people that a picture was made by one: IPTC's digital source type, as XMP. Only files that
// this program writes anew carry ours; a provider's own bytes stay as they came.

const VOCABULARY = 'http://cv.iptc.org/newscodes/digitalsourcetype/';
const COMPOSITE = 'compositeWithTrainedAlgorithmicMedia';
const TRAINED = 'trainedAlgorithmicMedia';

/** XMP for a file made from one whose XMP is `source`: what that says of a composite holds for it too. */
export function sourceTypeXmp(source: Uint8Array | undefined): string {
  const isComposite = source !== undefined && Buffer.from(source).includes(COMPOSITE);
  const type = `${VOCABULARY}${isComposite ? COMPOSITE : TRAINED}`;
  return `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="${type}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;
}
