// The demo writer's German.
import type { DemoLanguage } from './demo-language.ts';

export const demoGerman: DemoLanguage = {
  tales: [
    {
      title: 'der Hafen der Papierschiffe',
      guide: 'der Blechreiher',
      wonder:
        'Im Hafen waren alle Schiffe aus Papier gefaltet. Eines Morgens kehrten sie dem Meer den Rücken zu, und niemand wusste, warum.',
      meet: 'Auf dem letzten Pfahl des Stegs stand ein Blechreiher und zählte die Wellen.',
      clue: 'Schiffe sind wie Briefe: Sie fahren dorthin, wo jemand wartet.',
      obstacle: 'Aber die Flut hatte das alte Tor verschlossen, und der Schlüssel lag irgendwo unter Wasser.',
      find: 'Unter der letzten Planke hing eine Glocke, kleiner als ein Fingerhut, und darauf war eine blaue Tür gemalt.',
      solve: '{hero} läutete dreimal, ganz leise. Weit draußen antwortete eine andere Glocke.',
      end: 'Ein Schiff nach dem anderen drehte um, und der Wind trug sie zu einer Insel, auf der jemand schon lange auf Post gewartet hatte.',
    },
    {
      title: 'die verlorene Lampe des Mondes',
      guide: 'die schläfrige Eule',
      wonder:
        'Eines Abends ging der Mond ohne Licht auf. Wie ein weißer Teller hing er über den Dächern, und die Katzen wussten nicht, wann sie singen sollten.',
      meet: 'Im höchsten Schornstein saß eine Eule, die kaum die Augen offen hielt.',
      clue: 'Er hat seine Lampe jemand Kleinem geliehen. Such, wo es warm ist.',
      obstacle: 'Aber der Leiter zum Dach fehlte genau eine Sprosse.',
      find: 'Hinter dem Schornstein hatte eine Mäusefamilie die Lampe neben das Jüngste gestellt, das krank war und die Nacht nicht mochte.',
      solve:
        '{hero} ließ eine Kerze da und das Versprechen, wiederzukommen, und trug die Lampe mit beiden Händen hinauf.',
      end: 'Der Mond nahm seine Lampe, überlegte und ließ den Mäusen einen dünnen Strahl zurück. In klaren Nächten sieht man ihn noch.',
    },
    {
      title: 'die Bibliothek der fliegenden Wörter',
      guide: 'der Bücherwurm',
      wonder:
        'In der Bibliothek hatte jemand ein Fenster offen gelassen. Am Morgen waren die Wörter aus den Büchern geflogen, und die Seiten waren weiß wie Brot.',
      meet: 'Im untersten Regal versuchte ein Bücherwurm mit Brille, eine leere Seite zu lesen.',
      clue: 'Wörter laufen nicht weg. Sie folgen nur der besten Geschichte.',
      obstacle:
        'Aber die Wörter saßen hoch in der Linde und zwitscherten so laut, dass man keinen ganzen Satz verstand.',
      find: 'Zwischen den Wurzeln lagen drei Wörter, die noch nicht fliegen konnten: „Es war einmal“.',
      solve:
        '{hero} setzte sich unter den Baum, sagte laut „es war einmal“ und erzählte, bis es fast dunkel war.',
      end: 'Wort für Wort flatterten sie herab und fanden ihren Platz. Nur „schnell“ kam nie zurück, und keinem fehlt es.',
    },
    {
      title: 'der Wald ohne Echo',
      guide: 'der alte Dachs',
      wonder:
        'Im Wald hinter der Mühle antwortete das Echo nicht mehr. Wer rief, bekam nichts als Stille zurück.',
      meet: 'Am Bach fegte ein alter Dachs seine Stufe und legte den Finger auf die Lippen.',
      clue: 'Es ist nicht fort. Es ist nur müde, weil alle immer schreien.',
      obstacle: 'Aber der Weg zu seiner Höhle war voller Dornen, die sich bei jedem lauten Wort schlossen.',
      find: 'Tief in der Höhle saß das Echo, klein wie ein Spatz, die Flügel über den Ohren.',
      solve:
        '{hero} rief nicht, sondern flüsterte: „Wie war dein Tag?“, und wartete wirklich auf die Antwort.',
      end: 'Das Echo erzählte, bis die Sterne kamen. Seitdem antwortet es allen, und wer freundlich fragt, bekommt zwei Antworten.',
    },
    {
      title: 'der Schnee, der nicht fallen wollte',
      guide: 'der Schneehase',
      wonder:
        'Im Dorf war es Winter, und der Schnee kam nicht. Die Schlitten standen in einer Reihe und sahen zum Himmel.',
      meet: 'Am Dorfrand packte ein Schneehase einen sehr kleinen Koffer.',
      clue: 'Die erste Flocke ist schüchtern. Ohne sie springen die anderen nicht.',
      obstacle: 'Aber die Wolke stand so hoch, dass der Kirchturm sie gerade einmal am Bauch kitzelte.',
      find: 'Ganz oben, auf dem Schwanz des Wetterhahns, saß die erste Flocke und hielt sich fest.',
      solve: '{hero} streckte die Hand aus und sagte: „Du musst nicht weit springen. Nur bis hierher.“',
      end: 'Die Flocke ließ los. Es folgte eine zweite, eine dritte und dann so viele, dass das ganze Dorf im Schlaf lachte.',
    },
    {
      title: 'der Aufziehvogel',
      guide: 'die Maus mit dem Schraubenzieher',
      wonder:
        'In einer Werkstatt voller Zahnräder lebte ein Aufziehvogel, der jedes Lied konnte, nur sein eigenes nicht.',
      meet: 'Aus dem Werkzeugkasten kletterte eine Maus mit einem Schraubenzieher auf dem Rücken.',
      clue: 'Nichts daran ist kaputt. So ein Lied repariert man nicht, man findet es.',
      obstacle: 'Aber die kleine Tür des Vogels war verrostet, und alle Schlüssel waren zu groß.',
      find: 'Hinter dem kleinsten Zahnrad lag ein Zettel mit einer einzigen Note, von einer Kinderhand gemalt.',
      solve: '{hero} summte die Note, ein wenig schief, und der Vogel summte die nächste.',
      end: 'Am Abend hatten sie das ganze Lied. In der Mitte quietschte es, und die Stelle mochten alle am liebsten.',
    },
    {
      title: 'die schwebende Bäckerei',
      guide: 'die Katze mit der Schürze',
      wonder:
        'In der Bäckerei an der Ecke war das Brot aufgegangen und ging immer weiter auf. Die Brötchen hingen unter der Decke wie Wolken.',
      meet: 'Auf dem Mehlsack saß eine Katze mit Schürze, kein bisschen überrascht.',
      clue: 'Jemand hat einen Wunsch in den Teig gerührt. Finde heraus, wer, dann kommt es herunter.',
      obstacle: 'Aber der Laden war voll hungriger Leute, und alle redeten zugleich.',
      find: 'In der Schüssel steckte ein Holzlöffel mit einem eingeritzten Namen: dem vom jüngsten Kind des Bäckers.',
      solve:
        '{hero} fragte das Kind, und es flüsterte seinen Wunsch: ein einziges Mal so groß zu sein wie die anderen.',
      end: 'Da hob man es bis zur Decke, damit es die Brötchen pflückte. Und von dort oben, stellte sich heraus, sieht man das Meer.',
    },
    {
      title: 'die Wolkenhirtin',
      guide: 'die Bergziege',
      wonder:
        'Hoch auf dem Berg hütete eine Hirtin die Wolken. Heute war sie erkältet, und die Wolken spazierten bis in die Küchen.',
      meet: 'Auf einem Vorsprung, schmal wie ein Lineal, stand eine Ziege, kaute und schaute.',
      clue: 'Lauf ihnen nicht nach. Wolken kommen zu dem, der stillsteht.',
      obstacle: 'Aber die kleinste Wolke war in eine Höhle geschlüpft und regnete vor Angst.',
      find: 'Hinten in der Höhle glänzte eine Pfütze, und darin sah die Wolke, wie klein sie war.',
      solve: '{hero} setzte sich zu ihr ins Nasse und erzählte von Pfützen, die Seen geworden sind.',
      end: 'Als sie herauskamen, warteten die anderen Wolken in einer Reihe. An dem Abend brauchte die Sonne doppelt so lange zum Untergehen.',
    },
    {
      title: 'der Nachtzug ohne Namen',
      guide: 'der Igelschaffner',
      wonder:
        'Hinter den Gärten, wo keine Schienen lagen, hielt nachts ein Zug. Auf seinem Schild stand kein Name.',
      meet: 'Ein Igel mit blauer Mütze beugte sich heraus und lochte ein Ahornblatt.',
      clue: 'Wir fahren dorthin, wo jemand den Weg kennt. Heute kennt ihn keiner. Und du?',
      obstacle: 'Aber nach der dritten Kurve endeten die Schienen vor einer Wiese voller Nebel.',
      find: 'Im Nebel stand ein Wegweiser ohne Arme, und davor lag ein Stück Kreide.',
      solve: '{hero} nahm die Kreide, zog zwei Striche durch das Gras und schrieb einen Namen an ihr Ende.',
      end: 'Der Zug folgte, Wagen um Wagen. Bei Sonnenaufgang stand er dort, wohin {hero} sich gewünscht hatte.',
    },
    {
      title: 'der Garten, der nachts erwachte',
      guide: 'die Gärtnerschnecke',
      wonder:
        'Hinter dem grauen Haus lag ein Garten, in dem am Tag nichts wuchs. Doch nachts raschelte es darin und roch nach Orangen.',
      meet: 'Auf der Gießkanne wartete eine Schnecke mit einem winzigen Rechen.',
      clue: 'Er ist nicht faul. Er mag es nur nicht, angestarrt zu werden.',
      obstacle: 'Aber die größte Knospe wollte nicht aufgehen, so höflich man auch wegsah.',
      find: 'Unter einem Blatt lag ein uralter Zettel: „Ich blühe, wenn jemand bleibt.“',
      solve: '{hero} breitete eine Decke aus, legte sich neben die Knospe und blieb, bis die Vögel sangen.',
      end: 'Im ersten Licht ging die Blüte auf. Seitdem blüht der Garten auch am Tag, und für Gäste liegt immer eine Decke bereit.',
    },
    {
      title: 'das Bild mit der offenen Tür',
      guide: 'das Pinselhörnchen',
      wonder:
        'Im Museum hing das Bild eines gelben Hauses. Gestern war die Tür zu. Heute stand sie einen Spalt offen, und auf dem Boden lag Sand.',
      meet: 'Ein Eichhörnchen mit Farbe am Schwanz lugte hinter dem Rahmen hervor.',
      clue: 'Alle Farben sind noch da. Nur Blau ist spazieren gegangen.',
      obstacle: 'Aber ohne Blau gab es keinen Himmel und kein Wasser, und über den leeren Fluss kam niemand.',
      find: 'Am anderen Ufer saß Blau und war traurig: Nie hatte jemand gefragt, was es gern wäre.',
      solve: '{hero} fragte. Und Blau sagte nach langem Überlegen: „Einmal ein Fahrrad.“',
      end: 'Wer genau hinsieht, findet es neben dem gelben Haus. Der Himmel ist wieder blau, nur sonntags etwas blasser.',
    },
    {
      title: 'der Brunnen der Sterne',
      guide: 'das Glühwürmchen',
      wonder:
        'Vor dem letzten Dorf liegt ein Brunnen. Seit drei Nächten fehlten Sterne am Himmel, und unten im Wasser schimmerte es.',
      meet: 'Ein Glühwürmchen kreiste über dem Rand, ganz geblendet.',
      clue: 'Sie sind zum Trinken gekommen und jetzt zu schwer für den Heimweg.',
      obstacle: 'Aber der Eimer leckte, und das Licht lief zwischen den Brettern davon.',
      find: 'Im Gras neben dem Brunnen lag ein Regenschirm, den jemand im letzten Sommer vergessen hatte.',
      solve:
        '{hero} spannte ihn auf, drehte ihn um und hob die Sterne einen nach dem anderen heraus, zum Trocknen im Wind.',
      end: 'Leicht wie Samen schwebten sie hinauf. Einer fehlte am Ende: Er blieb im Schirm, für gute Lesenächte.',
    },
    {
      title: 'der Fluss, der rückwärts lief',
      guide: 'der Otter',
      wonder:
        'Am Dienstag drehte der Fluss um. Er floss bergauf, an staunenden Enten vorbei, und brachte alles zurück, was er je mitgenommen hatte.',
      meet: 'Ein Otter trieb auf dem Rücken vorbei und las eine Zeitung vom vorigen Jahr.',
      clue: 'Er hat an der Quelle etwas vergessen. Das kennt man ja.',
      obstacle: 'Aber über der Mühle lag ein Berg aus Schuhen und Hüten, und das Wasser kam nicht weiter.',
      find: 'Ganz unten glänzte ein weißer Kiesel, der erste, den der Fluss je geschliffen hatte.',
      solve: '{hero} trug den Kiesel zur Quelle und legte ihn dorthin, wo das Wasser aus dem Moos kommt.',
      end: 'Der Fluss seufzte so tief, dass man es im Tal hörte. Dann drehte er sich um und hat sich nie wieder verlaufen.',
    },
    {
      title: 'der Wind ohne Stimme',
      guide: 'der rote Drachen',
      wonder:
        'In jenem Herbst verlor der Wind seine Stimme. Er wehte ohne einen Laut, und die Blätter tanzten still.',
      meet: 'Ein roter Drachen hing in der Pappel und winkte mit dem Schwanz.',
      clue: 'Er wollte so hoch singen wie eine Flöte. Dann hat es geknackst.',
      obstacle: 'Aber die Flöte lag auf dem Turmdach, und von dort oben hörte man niemanden.',
      find: 'In der Flöte saß die Stimme des Windes, ganz zerknittert, und schämte sich für einen falschen Ton.',
      solve:
        '{hero} spielte auf der Flöte, sehr schlecht und sehr fröhlich, einen falschen Ton nach dem anderen.',
      end: 'Da lachte die Stimme und war wieder da: im Kamin, im Schlüsselloch, im hohen Gras. Manchmal singt sie mit Absicht ein wenig schief.',
    },
    {
      title: 'die Insel auf Wanderschaft',
      guide: 'die junge Möwe',
      wonder:
        'Auf der Karte lag die Insel im Süden. Doch an diesem Morgen lag sie vor dem Strand, und ihr Schornstein rauchte.',
      meet: 'Eine junge Möwe landete auf dem Geländer, ganz außer Atem.',
      clue: 'Das ist keine Insel. Das ist eine Schildkröte, und sie sucht jemanden.',
      obstacle: 'Aber die Schildkröte schlief so tief, dass kein Rufen sie weckte.',
      find: 'Hinter ihrem Ohr wuchs ein kleiner Garten, und darin lag eine Muschel, die noch warm war.',
      solve: '{hero} hielt ihr die Muschel ans Ohr, und darin rief eine sehr kleine Schildkröte.',
      end: 'Da kannte sie den Weg. Heute liegen zwei Inseln auf der Karte, eine große und eine winzige, und im Frühling gehen sie zusammen spazieren.',
    },
    {
      title: 'die verlorene Stunde',
      guide: 'die Turmtaube',
      wonder: 'In der Altstadt schlug die Uhr vier und dann sechs. Fünf Uhr war weg und mit ihr der Kakao.',
      meet: 'Im Glockenturm sortierte eine Taube Sekunden in Streichholzschachteln.',
      clue: 'Niemand hat sie gestohlen. Alle hatten es so eilig, da ist sie hinuntergefallen.',
      obstacle: 'Aber unten rannten alle so schnell, dass man auf dem Boden nichts suchen konnte.',
      find: 'Unter der Bank am Brunnen lag die Stunde, etwas zertreten und nicht größer als eine Pflaume.',
      solve:
        '{hero} setzte sich auf die Bank und tat nichts. Einer nach dem anderen blieb stehen, fragte und setzte sich dazu.',
      end: 'Als der ganze Platz saß, schlug die Uhr fünf. Seitdem steht auf der Bank: „Bitte Zeit lassen.“',
    },
    {
      title: 'der Drache mit dem Schnupfen',
      guide: 'die Küchenfledermaus',
      wonder:
        'In der Schlossküche zündet ein Drache jeden Morgen den Herd an. Heute nieste er nur Seifenblasen.',
      meet: 'Kopfüber an der Suppenkelle hing eine Fledermaus mit einem Notizblock.',
      clue: 'Sein Feuer ist nicht aus. Es hat sich nur erschreckt.',
      obstacle: 'Aber der Drache lag unter der großen Treppe und ließ niemanden in seinen Hals sehen.',
      find: 'Ganz hinten, zwischen zwei Zähnen, zitterte ein Funke. Er hatte gehört, Drachen seien altmodisch.',
      solve:
        '{hero} erzählte ihm von allem, was nur mit Feuer schmeckt: Toast, Bratäpfel, Kakao nach dem Regen.',
      end: 'Der Funke wurde rot vor Freude. Der Herd brummte, der Kessel tanzte, und es gab einen Kuchen, der aussah wie ein Drache.',
    },
    {
      title: 'der Markt der verlorenen Dinge',
      guide: 'die Elster',
      wonder:
        'Einmal im Jahr, bei dichtem Nebel, gibt es einen Markt für verlorene Dinge. Diesmal war ein Stand leer, und der alte Händler weinte.',
      meet: 'Vom Nachbarstand schob eine Elster ein Taschentuch herüber.',
      clue: 'Er hat etwas verloren, das er für jemand anderen aufhob.',
      obstacle: 'Aber im Nebel sahen alle Gassen gleich aus, und die Laternen wechselten die Plätze.',
      find: 'Auf einer Türschwelle saß eine Melodie ohne Lied und fror.',
      solve:
        '{hero} summte sie den ganzen Weg zurück, um sie nicht zu vergessen, ohne ein einziges Mal anzuhalten.',
      end: 'Der Alte erkannte sie beim ersten Ton. „Die von meiner Mutter“, sagte er. Und als er sang, hob sich der Nebel.',
    },
    {
      title: 'das Klavier mit dem fehlenden Ton',
      guide: 'die Saitenspinne',
      wonder:
        'Dem Klavier in der Schule fehlte ein Ton. Gerade dort, wo jedes Lied schön wird, machte es nur „plopp“.',
      meet: 'Zwischen den Saiten wohnte eine Spinne, die alle Lieder auswendig konnte.',
      clue: 'Er sucht jemanden, der noch nie gesungen hat.',
      obstacle: 'Aber auf dem Schulhof war es so laut, dass man nicht einmal eine Trompete gefunden hätte.',
      find: 'Hinter den Fahrrädern saß ein stilles Kind, und auf seiner Schulter der Ton, leicht wie eine Feder.',
      solve:
        '{hero} bat um nichts, setzte sich dazu, summte und ließ eine Lücke, gerade groß genug für einen Ton.',
      end: 'Und in die Lücke sang, ganz leise, das Kind. Der Ton flog ins Klavier zurück, aber in jeder Pause kommt er zu Besuch.',
    },
    {
      title: 'die Straße der Glühwürmchen',
      guide: 'der Laternenfrosch',
      wonder: 'In der Weidenstraße leuchten Glühwürmchen in den Laternen. Eines Abends blieben alle dunkel.',
      meet: 'Ein Frosch mit einer langen Stange saß am Bordstein.',
      clue: 'Sie sind nicht böse. Sie haben Angst im Dunkeln.',
      obstacle:
        'Aber am Ende der Straße war das Dunkel dick wie Samt, und jeder Schritt klang nach jemand anderem.',
      find: 'In dem Samt sah man nach und nach tausend kleine Dinge: einen Falter, einen Silberfaden, eine schlafende Schnecke.',
      solve:
        '{hero} nahm das kleinste Glühwürmchen am Flügel und zeigte ihm, eins nach dem anderen, was nur das Dunkel zeigen kann.',
      end: 'Laterne um Laterne ging die Straße an. Seitdem löschen sie jede Nacht für eine Stunde ihr Licht, mit Absicht, damit alle schauen können.',
    },
  ],
  heroes: ['Mika', 'Toni', 'Lio', 'Juna', 'Kim', 'Emil'],
  titles: ['{hero} und {title}', '{hero} – eine Geschichte: {title}'],
  ideaNouns: [
    'Diese Geschichte handelt von etwas Besonderem: {idea}.',
    'Jemand wünschte sich eine Geschichte: {idea}. Hier ist sie.',
  ],
  ideaQuotes: [
    'Alles begann mit einem Gedanken: „{idea}.“',
    'Auf einem Zettel stand: „{idea}.“ Und so fing es an.',
  ],
  noIdea: [
    'Dies ist eine Geschichte für eine stille Stunde.',
    'Manche Geschichten beginnen mit einem Klopfen. Diese begann mit einer Überraschung.',
  ],
  naming: ['Der Name, auf den es ankommt, ist {hero}.', 'Und mittendrin: {hero}.'],
  summaries: [
    '{idea}: Diesmal wartet am Ende des Weges {title}.',
    '{idea}, und dann: {title}. Ein sanftes Abenteuer mit gutem Ende.',
  ],
  speaking: [
    '„{clue}“ Mehr wollte {guide} nicht sagen.',
    '{Guide} sah nach links, sah nach rechts und flüsterte: „{clue}“',
  ],
  senses: [
    'Die Luft roch nach Regen und warmem Stein.',
    'Irgendwo wurde ein Fenster geschlossen, ganz leise.',
    'Es war so still, dass man das Gras wachsen hörte.',
    'In der Ferne bellte ein Hund zweimal und überlegte es sich anders.',
    'Der Himmel hatte die Farbe vom Inneren einer Muschel.',
    'Ein Käfer überquerte den Weg und hatte Vorfahrt.',
  ],
  feelings: [
    '{hero} schluckte einmal und ging weiter.',
    'Das Herz klopfte schnell, aber in die richtige Richtung.',
    '{hero} hatte ein wenig Angst und blieb trotzdem.',
    '{hero} holte tief Luft und zählte bis vier.',
  ],
  topics: [
    'Eines ging {hero} nicht aus dem Kopf: „{topic}“.',
    '{hero} dachte daran, wie alles begonnen hatte: „{topic}“.',
  ],
  hooks: [
    'Was würdest du tun?',
    'Und jetzt?',
    '{hero} sah sich um. Es gab mehr als einen Weg.',
    'Es war Zeit, sich zu entscheiden.',
  ],
  closings: [
    '{hero} ging langsam nach Hause, denn einen guten Tag soll man nicht hetzen. Und das ist das Ende.',
    'In dieser Nacht schlief {hero} tief und fest. Und falls du noch wach bist: gute Nacht.',
    '{hero} winkte, bis nichts mehr zu sehen war, und dann noch ein bisschen.',
  ],
  ownChoice: 'So war es beschlossen: {choice}.',
  choices: {
    open: [
      { label: 'Sofort nachsehen', leads: '{hero} ging sofort los, solange der Mut noch warm war.' },
      {
        label: 'Jemanden fragen, der dabei war',
        leads: '{hero} fragte von Tür zu Tür, bis jemand den Weg zeigte.',
      },
      {
        label: 'Laterne und Brot einpacken',
        leads: 'Mit Laterne und Brot kommt man weit, und {hero} kam weit.',
      },
      {
        label: 'Still sein und lauschen',
        leads: '{hero} lauschte, und nach einer Weile zeigte die Stille in eine Richtung.',
      },
    ],
    meet: [
      {
        label: 'Dem Rat vertrauen',
        leads: '{hero} beschloss zu vertrauen, und sie machten sich auf den Weg.',
      },
      { label: 'Noch etwas fragen', leads: '{hero} fragte noch etwas. Die Antwort war ein Lächeln.' },
      {
        label: 'Erst das Brot teilen',
        leads: 'Erst teilten sie das Brot, denn mit vollem Bauch ist jeder Weg kürzer.',
      },
      {
        label: 'Den Hinweis aufschreiben',
        leads: '{hero} schrieb sich die Worte auf die Hand, um sie nicht zu verlieren.',
      },
    ],
    road: [
      { label: 'Schnell weitergehen', leads: 'Sie gingen schnell weiter, solange es hell war.' },
      { label: 'Kurz ausruhen', leads: 'Sie ruhten so lange aus, wie man für einen Apfel braucht.' },
      {
        label: 'Den schmalen Pfad nehmen',
        leads: 'Sie nahmen den schmalen Pfad, der aussah, als ob er nachdächte.',
      },
      {
        label: 'Danke sagen und winken',
        leads: 'Sie sagten Danke und winkten, und das Winken hielt noch lange warm.',
      },
    ],
    block: [
      { label: 'Geduld haben', leads: '{hero} wartete. Warten ist langsam, aber es schafft viel.' },
      {
        label: 'Einen Umweg suchen',
        leads: 'Fast immer gibt es einen kleinen Umweg, und {hero} fand ihn auf allen vieren.',
      },
      {
        label: 'Laut um Hilfe bitten',
        leads: '„Kann jemand helfen?“, rief {hero}. Und jemand konnte, wie fast immer.',
      },
      {
        label: 'Einen Witz erzählen',
        leads:
          '{hero} erzählte einen Witz, nicht einmal einen guten. Aber nach dem Lachen war alles leichter.',
      },
    ],
    find: [
      {
        label: 'Beide Hände ausstrecken',
        leads: '{hero} streckte beide Hände aus, wie nach etwas, das atmet.',
      },
      {
        label: 'Fragen, was es braucht',
        leads: '„Was brauchst du?“, fragte {hero}, und die Frage war schon die halbe Hilfe.',
      },
      {
        label: 'Sich danebensetzen',
        leads: '{hero} setzte sich leise hin und ließ den Augenblick näher kommen.',
      },
    ],
  },
  episodes: [
    {
      title: 'Die Brücke',
      text: 'Sie kamen an eine Brücke, der genau ein Brett fehlte. {hero} legte den Deckel einer Keksdose darüber. Er klapperte, aber er hielt.',
    },
    {
      title: 'Tee beim Riesen',
      text: 'Unter einer Eiche saß ein Riese mit einer winzigen Teekanne. Seit hundert Jahren wartete er auf Besuch, und der Tee war noch heiß. „Ich puste falsch herum“, erklärte er.',
    },
    {
      title: 'Halber Regen',
      text: 'Links regnete es, rechts schien die Sonne. {hero} ging genau in der Mitte, mit einem nassen und einem trockenen Ärmel, und ein Regenbogen kam ein Stück mit.',
    },
    {
      title: 'Die Knöpfe',
      text: 'Eine Frau verkaufte Knöpfe: einen für Mut, einen für Schlaf und einen, der nur knöpfte. {hero} nahm den letzten, denn den braucht man immer.',
    },
    {
      title: 'Der reiselustige Stein',
      text: 'Auf dem Weg lag ein Stein, der die Welt sehen wollte. {hero} steckte ihn ein. „Oh“, sagte er nach zehn Schritten, „sie ist ja noch größer, als ich dachte.“',
    },
    {
      title: 'Das Moosbett',
      text: 'Als es spät wurde, legten sie sich ins Moos. Zwischen den Ästen war ein Loch, gerade groß genug für einen Stern, und der Stern hatte es bemerkt.',
    },
    {
      title: 'Die Fährschnecke',
      text: 'Eine Schnecke brachte sie über den Bach, einen nach dem anderen und mit großer Würde. Es dauerte den ganzen Nachmittag.',
    },
    {
      title: 'Der verlorene Handschuh',
      text: 'Auf einem Zaunpfahl suchte ein roter Handschuh seinen Zwilling. Zwei Felder weiter fanden sie ihn. Jetzt winken beide, wenn jemand vorbeikommt.',
    },
  ],
  pageTitles: {
    open: ['Der Anfang', 'Etwas ist anders'],
    meet: ['Eine Begegnung', 'Ein guter Rat'],
    block: ['Kein Durchkommen', 'Das Schwerste'],
    find: ['Ein Fund', 'Gefunden'],
    end: ['Wieder zu Hause', 'Alles ist gut'],
  },
  looks: [
    'mit rotem Schal und neugierigen Augen',
    'in einem gelben Regenmantel, der etwas zu groß ist',
    'mit grüner Mütze und geflickter Tasche',
  ],
  guideLook: 'klein und freundlich, immer in der Nähe',
  style: 'Bilderbuchillustration für Kinder, weiches Aquarell, warmes Licht, ohne Text',
  altText: 'Illustration: {scene}',
  space: ' ',
};
