// The demo writer's French.
import type { DemoLanguage } from './demo-language.ts';

export const demoFrench: DemoLanguage = {
  tales: [
    {
      title: 'le Port des bateaux de papier',
      guide: 'le héron de fer-blanc',
      wonder:
        'Dans le port, tous les bateaux étaient en papier. Un matin, ils tournaient tous le dos à la mer, et personne ne savait pourquoi.',
      meet: 'Sur le dernier poteau du quai, un héron de fer-blanc comptait les vagues.',
      clue: 'Les bateaux sont comme les lettres : ils vont là où quelqu’un les attend.',
      obstacle: 'Mais la marée avait fermé la grille du vieux quai, et la clé était quelque part sous l’eau.',
      find: 'Sous la dernière planche pendait une clochette plus petite qu’un dé à coudre, où l’on avait peint une porte bleue.',
      solve: '{hero} la fit sonner trois fois, tout doucement. Au large, une autre cloche répondit.',
      end: 'L’un après l’autre, les bateaux firent demi-tour, et le vent les mena jusqu’à une île où quelqu’un attendait une lettre depuis longtemps.',
    },
    {
      title: 'la Lampe perdue de la Lune',
      guide: 'le hibou endormi',
      wonder:
        'Un soir, la lune se leva sans lumière. Elle pendait au-dessus des toits comme une assiette blanche, et les chats ne savaient plus quand chanter.',
      meet: 'Dans la plus haute cheminée se tenait un hibou qui gardait à peine les yeux ouverts.',
      clue: 'Elle a prêté sa lampe à quelqu’un de petit. Cherche là où il fait chaud.',
      obstacle: 'Mais il manquait à l’échelle du toit exactement un barreau.',
      find: 'Derrière la cheminée, une famille de souris avait posé la lampe près de la plus petite, malade et inquiète dans la nuit.',
      solve:
        '{hero} lui laissa une bougie et la promesse de revenir, puis porta la lampe à deux mains jusqu’en haut.',
      end: 'La lune reprit sa lampe, réfléchit un peu et laissa un mince rayon aux souris. Par nuit claire, on le voit encore.',
    },
    {
      title: 'la Bibliothèque des mots envolés',
      guide: 'le ver à lunettes',
      wonder:
        'À la bibliothèque, on avait oublié de fermer une fenêtre. Au matin, les mots s’étaient envolés et les pages étaient blanches comme du pain.',
      meet: 'Sur l’étagère du bas, un ver à lunettes essayait de lire une page vide.',
      clue: 'Les mots ne s’enfuient pas. Ils suivent seulement la meilleure histoire.',
      obstacle:
        'Mais les mots, perchés dans le tilleul, piaillaient si fort qu’on n’entendait plus une phrase entière.',
      find: 'Entre les racines, quatre petits mots n’avaient pas encore appris à voler : « il était une fois ».',
      solve:
        '{hero} s’assit sous l’arbre, dit tout haut « il était une fois » et raconta jusqu’à la tombée du jour.',
      end: 'Mot après mot, ils redescendirent et retrouvèrent leur place. Seul « vite » ne revint jamais, et il ne manque à personne.',
    },
    {
      title: 'la Forêt sans écho',
      guide: 'le vieux blaireau',
      wonder:
        'Dans la forêt, derrière le moulin, l’écho ne répondait plus. Qui appelait ne recevait que du silence.',
      meet: 'Près du ruisseau, un vieux blaireau balayait sa marche, un doigt sur les lèvres.',
      clue: 'Il n’est pas parti. Il est fatigué qu’on lui crie dessus.',
      obstacle: 'Mais le chemin de sa grotte était plein de ronces qui se serraient à chaque mot trop fort.',
      find: 'Au fond de la grotte était assis l’écho, petit comme un moineau, les ailes sur les oreilles.',
      solve:
        '{hero} ne cria pas, mais chuchota : « Comment s’est passée ta journée ? », et attendit vraiment la réponse.',
      end: 'L’écho parla jusqu’aux étoiles. Depuis, il répond à tous, et deux fois à qui demande gentiment.',
    },
    {
      title: 'la Neige qui ne voulait pas tomber',
      guide: 'le lièvre blanc',
      wonder:
        'Au village, c’était l’hiver et la neige ne venait pas. Les luges, bien rangées, regardaient le ciel.',
      meet: 'À la sortie du village, un lièvre blanc préparait une toute petite valise.',
      clue: 'Le premier flocon est timide. Sans lui, les autres ne sautent pas.',
      obstacle: 'Mais le nuage était si haut que le clocher lui chatouillait à peine le ventre.',
      find: 'Tout en haut, sur la queue de la girouette, le premier flocon se cramponnait.',
      solve: '{hero} tendit la main et dit : « Pas besoin de sauter loin. Juste jusqu’ici. »',
      end: 'Le flocon se laissa aller. Un deuxième suivit, un troisième, puis tant d’autres que tout le village rit en dormant.',
    },
    {
      title: 'l’Oiseau mécanique',
      guide: 'la souris au tournevis',
      wonder:
        'Dans un atelier plein d’engrenages vivait un oiseau mécanique qui savait toutes les chansons, sauf la sienne.',
      meet: 'De la boîte à outils sortit une souris, un tournevis sur le dos.',
      clue: 'Rien n’est cassé. Une chanson pareille ne se répare pas, elle se retrouve.',
      obstacle: 'Mais la petite porte de l’oiseau était rouillée, et toutes les clés étaient trop grandes.',
      find: 'Derrière le plus petit engrenage se cachait un papier roulé avec une seule note, dessinée par une main d’enfant.',
      solve: '{hero} fredonna la note, un peu de travers, et l’oiseau fredonna la suivante.',
      end: 'Le soir, ils avaient toute la chanson. Elle grinçait au milieu, et c’était le passage préféré de tous.',
    },
    {
      title: 'la Boulangerie qui flottait',
      guide: 'le chat en tablier',
      wonder:
        'À la boulangerie du coin, le pain avait levé, et levait encore. Les petits pains pendaient au plafond comme des nuages.',
      meet: 'Sur le sac de farine trônait un chat en tablier, pas étonné du tout.',
      clue: 'Quelqu’un a mêlé un vœu à la pâte. Trouve qui, et le pain descendra.',
      obstacle: 'Mais la boutique était pleine de gens affamés qui parlaient tous en même temps.',
      find: 'Dans le pétrin restait une cuillère de bois où un nom était gravé : celui de la fille de la boulangère.',
      solve:
        '{hero} lui posa la question, et l’enfant souffla son vœu : être aussi grande que les autres, rien qu’une fois.',
      end: 'Alors on la souleva jusqu’au plafond pour cueillir les petits pains un à un. Et de là-haut, en fait, on voit la mer.',
    },
    {
      title: 'la Bergère des nuages',
      guide: 'la chèvre des rochers',
      wonder:
        'Là-haut sur la montagne, une bergère gardait les nuages. Aujourd’hui elle avait un rhume, et les nuages entraient jusque dans les cuisines.',
      meet: 'Sur une corniche étroite comme une règle, une chèvre mâchait en regardant.',
      clue: 'Ne cours pas après eux. Les nuages viennent à qui ne bouge pas.',
      obstacle: 'Mais le plus petit nuage s’était glissé dans une grotte et pleuvait de peur.',
      find: 'Au fond de la grotte luisait une flaque, et le nuage s’y voyait tout petit.',
      solve: '{hero} s’assit à côté de lui, dans l’eau, et lui parla des flaques qui deviennent des lacs.',
      end: 'À la sortie, les autres nuages attendaient en rang. Ce soir-là, le soleil mit deux fois plus de temps à se coucher.',
    },
    {
      title: 'le Train de nuit sans nom',
      guide: 'le hérisson contrôleur',
      wonder:
        'Derrière les jardins, là où il n’y avait pas de rails, un train s’arrêta dans la nuit. Sur son panneau, aucun nom.',
      meet: 'Un hérisson à casquette bleue se pencha et poinçonna une feuille d’érable.',
      clue: 'Nous allons là où quelqu’un connaît la route. Ce soir, personne. Et toi ?',
      obstacle: 'Mais après le troisième virage, les rails s’arrêtaient devant un pré plein de brume.',
      find: 'Dans la brume se dressait un poteau sans flèches, et à son pied, un morceau de craie.',
      solve: '{hero} prit la craie, traça deux lignes dans l’herbe et écrivit un nom tout au bout.',
      end: 'Le train les suivit, wagon après wagon. Au lever du soleil, il était là où {hero} l’avait souhaité.',
    },
    {
      title: 'le Jardin qui s’éveillait la nuit',
      guide: 'l’escargot jardinier',
      wonder:
        'Derrière la maison grise, il y avait un jardin où rien ne poussait le jour. Mais la nuit, il bruissait et sentait l’orange.',
      meet: 'Sur l’arrosoir attendait un escargot avec un minuscule râteau.',
      clue: 'Il n’est pas paresseux. Il n’aime pas qu’on le dévisage.',
      obstacle: 'Mais le plus gros bouton refusait de s’ouvrir, même quand on détournait poliment les yeux.',
      find: 'Sous une feuille se trouvait un mot très ancien : « Je fleurirai quand quelqu’un restera. »',
      solve: '{hero} étendit une couverture près du bouton et resta jusqu’au chant des oiseaux.',
      end: 'À la première lueur, la fleur s’ouvrit. Depuis, le jardin fleurit aussi le jour, et une couverture attend les invités.',
    },
    {
      title: 'le Tableau à la porte ouverte',
      guide: 'l’écureuil peintre',
      wonder:
        'Au musée, il y avait le tableau d’une maison jaune. Hier, sa porte était fermée. Aujourd’hui, elle était entrouverte, et il y avait du sable par terre.',
      meet: 'Un écureuil à la queue tachée de peinture pointa son nez derrière le cadre.',
      clue: 'Toutes les couleurs sont là. Seul le bleu est sorti se promener.',
      obstacle:
        'Mais sans bleu, plus de ciel ni d’eau, et l’on ne pouvait pas traverser la rivière de toile nue.',
      find: 'Sur l’autre rive était assis le bleu, bien triste : jamais personne ne lui avait demandé ce qu’il aimerait être.',
      solve: '{hero} le lui demanda. Et le bleu, après longue réflexion, dit : « Pour une fois, un vélo. »',
      end: 'En regardant bien, on le voit près de la maison jaune. Le ciel est bleu de nouveau, un peu plus pâle le dimanche.',
    },
    {
      title: 'le Puits aux étoiles',
      guide: 'la luciole',
      wonder:
        'Près du dernier village, il y a un puits. Depuis trois nuits, des étoiles manquaient au ciel et quelque chose brillait au fond.',
      meet: 'Une luciole tournait au-dessus du bord, tout éblouie.',
      clue: 'Elles sont descendues boire, et les voilà trop lourdes pour rentrer.',
      obstacle: 'Mais le seau était percé, et la lumière coulait entre les planches.',
      find: 'Dans l’herbe, près du puits, traînait un parapluie oublié l’été dernier.',
      solve:
        '{hero} ouvrit le parapluie, le retourna et remonta les étoiles une à une pour les sécher au vent.',
      end: 'Légères comme des graines, elles s’envolèrent. Il en manqua une : elle est restée dans le parapluie, pour les soirs de lecture.',
    },
    {
      title: 'la Rivière à l’envers',
      guide: 'la loutre',
      wonder:
        'Mardi, la rivière a fait demi-tour. Elle remontait la pente, au milieu des canards étonnés, et rapportait tout ce qu’elle avait emporté.',
      meet: 'Une loutre passa sur le dos en lisant un journal de l’an dernier.',
      clue: 'Elle a oublié quelque chose à la source. Ça arrive à tout le monde.',
      obstacle: 'Mais au-dessus du moulin, une montagne de chaussures et de chapeaux barrait le passage.',
      find: 'Tout au fond brillait un caillou blanc, le premier que la rivière eût jamais poli.',
      solve: '{hero} porta le caillou jusqu’à la source et le posa là où l’eau sort de la mousse.',
      end: 'La rivière soupira si fort qu’on l’entendit dans la vallée. Puis elle se retourna, et ne s’est plus jamais perdue.',
    },
    {
      title: 'le Vent sans voix',
      guide: 'le cerf-volant rouge',
      wonder:
        'Cet automne-là, le vent perdit la voix. Il soufflait sans bruit, et les feuilles dansaient en silence.',
      meet: 'Un cerf-volant rouge, pris dans un peuplier, saluait de la queue.',
      clue: 'Il a voulu chanter aussi haut qu’une flûte. Et puis, crac.',
      obstacle: 'Mais la flûte était sur le toit du clocher, et de là-haut on n’entendait personne.',
      find: 'Dans la flûte était blottie la voix du vent, toute froissée, honteuse d’une fausse note.',
      solve: '{hero} joua de la flûte, très mal et très gaiement, une fausse note après l’autre.',
      end: 'La voix éclata de rire, et la revoilà : dans la cheminée, dans les serrures, dans les hautes herbes. Parfois, exprès, elle chante un peu faux.',
    },
    {
      title: 'l’Île promeneuse',
      guide: 'la jeune mouette',
      wonder:
        'Sur la carte, l’île était au sud. Mais ce matin-là, elle était juste devant la plage, et sa petite cheminée fumait.',
      meet: 'Une jeune mouette se posa sur la rambarde, à bout de souffle.',
      clue: 'Ce n’est pas une île. C’est une tortue, et elle cherche quelqu’un.',
      obstacle: 'Mais la tortue dormait si bien qu’aucun cri ne la réveillait.',
      find: 'Derrière son oreille poussait un jardin, et là, un coquillage encore tiède.',
      solve: '{hero} approcha le coquillage de son oreille : on y entendait appeler une toute petite tortue.',
      end: 'Alors elle sut la route. Il y a maintenant deux îles sur la carte, une grande et une minuscule, et au printemps elles se promènent ensemble.',
    },
    {
      title: 'l’Heure perdue',
      guide: 'le pigeon du clocher',
      wonder:
        'Dans la vieille ville, l’horloge sonna quatre heures, puis six. Cinq heures avait disparu, et le goûter avec.',
      meet: 'Dans le clocher, un pigeon rangeait des secondes dans des boîtes d’allumettes.',
      clue: 'Personne ne l’a volée. Tout le monde courait si vite qu’elle est tombée.',
      obstacle: 'Mais sur la place, on courait tant qu’il était impossible de chercher par terre.',
      find: 'Sous le banc de la fontaine était l’heure, un peu piétinée, pas plus grosse qu’une prune.',
      solve:
        '{hero} s’assit sur le banc et ne fit rien. L’un après l’autre, les gens s’arrêtèrent, et restèrent.',
      end: 'Quand toute la place fut assise, l’horloge sonna cinq heures. Un écriteau dit maintenant : « Prenez votre temps. »',
    },
    {
      title: 'le Dragon enrhumé',
      guide: 'la chauve-souris de la cuisine',
      wonder:
        'Dans la cuisine du château, un dragon allume le feu chaque matin. Aujourd’hui, il n’éternuait que des bulles de savon.',
      meet: 'À la louche pendait, la tête en bas, une chauve-souris avec un carnet.',
      clue: 'Son feu n’est pas éteint. Il a seulement eu peur.',
      obstacle: 'Mais le dragon s’était caché sous l’escalier et ne laissait personne regarder sa gorge.',
      find: 'Tout au fond, entre deux dents, tremblait une étincelle. Elle avait entendu dire que les dragons étaient démodés.',
      solve:
        '{hero} lui parla de tout ce qui n’est bon que grâce à elle : les tartines grillées, les pommes au four, le chocolat après la pluie.',
      end: 'L’étincelle rougit de joie. Le fourneau ronfla, la bouilloire dansa, et l’on fit un gâteau en forme de dragon.',
    },
    {
      title: 'le Marché des choses perdues',
      guide: 'la pie',
      wonder:
        'Une fois l’an, par grand brouillard, se tient le marché des choses perdues. Cette fois, un étal était vide, et son marchand pleurait.',
      meet: 'De l’étal voisin, une pie lui glissa un mouchoir.',
      clue: 'Il a perdu ce qu’il gardait pour quelqu’un d’autre.',
      obstacle:
        'Mais dans le brouillard, toutes les ruelles se ressemblaient et les réverbères changeaient de place.',
      find: 'Sur un seuil était assise une mélodie sans chanson, et elle avait froid.',
      solve:
        '{hero} la fredonna tout le long du retour, pour ne pas l’oublier, sans s’arrêter une seule fois.',
      end: 'Le vieil homme la reconnut à la première note. « Celle de ma mère », dit-il. Il chanta, et le brouillard se leva.',
    },
    {
      title: 'le Piano à la note manquante',
      guide: 'l’araignée des cordes',
      wonder:
        'Il manquait une note au piano de l’école. Juste là où chaque chanson devient belle, il faisait « plop ».',
      meet: 'Entre les cordes vivait une araignée qui savait tous les airs par cœur.',
      clue: 'Elle est partie chercher quelqu’un qui n’a jamais chanté.',
      obstacle: 'Mais la cour était si bruyante qu’on n’y aurait pas retrouvé une trompette.',
      find: 'Derrière les vélos, il y avait un enfant silencieux, et sur son épaule la note, légère comme une plume.',
      solve: '{hero} ne demanda rien, s’assit, fredonna, et laissa un vide juste assez grand pour une note.',
      end: 'Et dans ce vide, tout bas, l’enfant chanta. La note revint au piano, mais elle sort à chaque récréation.',
    },
    {
      title: 'la Rue des lucioles',
      guide: 'le crapaud allumeur',
      wonder:
        'Rue des Saules, ce sont les lucioles qui allument les lanternes. Un soir, toutes restèrent éteintes.',
      meet: 'Un crapaud avec une longue perche était assis au bord du trottoir.',
      clue: 'Elles ne sont pas fâchées. Elles ont peur du noir.',
      obstacle:
        'Mais au bout de la rue, le noir était épais comme du velours, et chaque pas semblait celui d’un autre.',
      find: 'Dans ce velours, peu à peu, on voyait mille petites choses : un papillon de nuit, un fil d’argent, un escargot endormi.',
      solve:
        '{hero} prit la plus petite luciole par l’aile et lui montra, une à une, les choses que seul le noir révèle.',
      end: 'Lanterne après lanterne, la rue s’éclaira. Depuis, chaque nuit, les lumières s’éteignent une heure, exprès, pour que tous puissent regarder.',
    },
  ],
  heroes: ['Camille', 'Sacha', 'Lou', 'Noé', 'Alix', 'Mahé'],
  titles: ['{hero} et {title}', '{hero} : une histoire avec {title}'],
  ideaNouns: [
    'Voici une histoire qui commence ainsi : {idea}.',
    'On m’a demandé une histoire : {idea}. La voici.',
  ],
  ideaQuotes: [
    'Tout commença par une idée : « {idea}. »',
    'Sur un bout de papier, on avait écrit : « {idea}. » Et c’est ainsi que tout commença.',
  ],
  noIdea: [
    'Voici une histoire pour une heure tranquille.',
    'Certaines histoires commencent par un coup à la porte. Celle-ci commença par une surprise.',
  ],
  naming: ['Le nom à retenir : {hero}.', 'Et au milieu de tout cela, il y a {hero}.'],
  summaries: [
    '{idea} : cette fois, au bout du chemin, il y a {title}.',
    '{idea}, et puis {title}. Une aventure douce qui finit bien.',
  ],
  speaking: [
    '« {clue} » {Guide} n’en dit pas plus.',
    '{Guide} regarda à gauche, regarda à droite et chuchota : « {clue} »',
  ],
  senses: [
    'L’air sentait la pluie et la pierre tiède.',
    'Quelque part, on ferma une fenêtre, tout doucement.',
    'C’était si calme qu’on entendait l’herbe pousser.',
    'Au loin, un chien aboya deux fois, puis se ravisa.',
    'Le ciel avait la couleur du dedans d’un coquillage.',
    'Un scarabée traversa le chemin ; il avait la priorité.',
  ],
  feelings: [
    '{hero} avala sa salive et continua.',
    'Le cœur de {hero} battait vite, mais dans le bon sens.',
    '{hero} avait un peu peur, et resta quand même.',
    '{hero} respira à fond et compta jusqu’à quatre.',
  ],
  topics: [
    'Une chose ne quittait pas l’esprit de {hero} : {topic}.',
    '{hero} se rappela comment tout avait commencé : {topic}.',
  ],
  hooks: [
    'Et toi, que ferais-tu ?',
    'Et maintenant ?',
    '{hero} regarda autour. Il y avait plus d’un chemin.',
    'Il était temps de choisir.',
  ],
  closings: [
    '{hero} rentra lentement, car une belle journée ne se bouscule pas. Et voilà, c’est la fin.',
    'Cette nuit-là, {hero} dormit à merveille. Et si tu ne dors pas encore : bonne nuit.',
    '{hero} agita la main jusqu’à ne plus rien voir, et puis encore un peu.',
  ],
  ownChoice: 'C’était décidé : {choice}.',
  choices: {
    open: [
      {
        label: 'Aller voir tout de suite',
        leads: '{hero} partit tout de suite, tant que le courage était chaud.',
      },
      {
        label: 'Demander à ceux qui ont vu',
        leads: '{hero} demanda de porte en porte, et quelqu’un montra le chemin.',
      },
      {
        label: 'Prendre une lanterne et un goûter',
        leads: 'Avec une lanterne et un goûter, on va loin, et {hero} alla loin.',
      },
      {
        label: 'Se taire et écouter',
        leads: '{hero} écouta, et au bout d’un moment le silence montra une direction.',
      },
    ],
    meet: [
      { label: 'Faire confiance', leads: '{hero} choisit de faire confiance, et ils se mirent en route.' },
      {
        label: 'Poser encore une question',
        leads: '{hero} posa encore une question. Pour toute réponse, un sourire.',
      },
      {
        label: 'Partager le goûter',
        leads: 'D’abord, on partagea le goûter : le ventre plein, tout chemin est plus court.',
      },
      { label: 'Noter l’indice', leads: '{hero} nota ces mots sur sa main, pour ne pas les perdre.' },
    ],
    road: [
      { label: 'Continuer vite', leads: 'Ils continuèrent vite, tant qu’il faisait clair.' },
      { label: 'Se reposer un peu', leads: 'Ils se reposèrent juste le temps de manger une pomme.' },
      {
        label: 'Prendre le sentier étroit',
        leads: 'Ils prirent le sentier étroit, qui avait l’air de réfléchir.',
      },
      {
        label: 'Dire merci et faire signe',
        leads: 'Ils dirent merci et firent signe, et ce signe leur tint chaud longtemps.',
      },
    ],
    block: [
      { label: 'Être patient', leads: '{hero} attendit. Attendre est lent, mais cela fait beaucoup.' },
      {
        label: 'Chercher un détour',
        leads: 'Il y a presque toujours un petit détour, et {hero} le trouva à quatre pattes.',
      },
      {
        label: 'Demander de l’aide',
        leads: '« Quelqu’un peut-il m’aider ? » cria {hero}. Et quelqu’un pouvait, comme presque toujours.',
      },
      {
        label: 'Raconter une blague',
        leads: '{hero} raconta une blague, même pas bonne. Mais après avoir ri, tout fut plus facile.',
      },
    ],
    find: [
      {
        label: 'Tendre les deux mains',
        leads: '{hero} tendit les deux mains, comme vers une chose qui respire.',
      },
      {
        label: 'Demander ce qu’il faut',
        leads: '« De quoi as-tu besoin ? » demanda {hero}, et la question était déjà la moitié de l’aide.',
      },
      { label: 'S’asseoir à côté', leads: '{hero} s’assit sans bruit et laissa l’instant s’approcher.' },
    ],
  },
  episodes: [
    {
      title: 'Le pont',
      text: 'Ils arrivèrent à un pont auquel il manquait une planche. {hero} posa dessus le couvercle d’une boîte à biscuits. Ça tremblait, mais ça tenait.',
    },
    {
      title: 'Le thé du géant',
      text: 'Sous un chêne, un géant tenait une théière minuscule. Il attendait de la visite depuis cent ans, et le thé était encore chaud. « Je souffle à l’envers », expliqua-t-il.',
    },
    {
      title: 'La demi-pluie',
      text: 'À gauche il pleuvait, à droite il faisait soleil. {hero} marchait au milieu, une manche mouillée, une manche sèche, et un arc-en-ciel fit un bout de route avec eux.',
    },
    {
      title: 'Les boutons',
      text: 'Une dame vendait des boutons : un pour le courage, un pour le sommeil, un qui ne faisait que boutonner. {hero} prit le dernier, car on en a toujours besoin.',
    },
    {
      title: 'La pierre voyageuse',
      text: 'Sur la route, une pierre rêvait de voir le monde. {hero} la mit dans sa poche. « Oh ! dit-elle au bout de dix pas, il est encore plus grand que je croyais. »',
    },
    {
      title: 'Le lit de mousse',
      text: 'Quand il fut tard, ils se couchèrent dans la mousse. Entre les branches, il y avait un trou juste assez grand pour une étoile, et l’étoile l’avait remarqué.',
    },
    {
      title: 'L’escargot passeur',
      text: 'Un escargot leur fit passer le ruisseau, un par un, avec une grande dignité. Cela prit tout l’après-midi.',
    },
    {
      title: 'La moufle perdue',
      text: 'Sur un piquet, une moufle rouge cherchait sa jumelle. Deux champs plus loin, on la trouva. Depuis, elles saluent ensemble ceux qui passent.',
    },
  ],
  pageTitles: {
    open: ['Le début', 'Quelque chose a changé'],
    meet: ['Une rencontre', 'Un bon conseil'],
    block: ['Impossible de passer', 'Le plus difficile'],
    find: ['La trouvaille', 'Enfin !'],
    end: ['Le retour', 'Tout va bien'],
  },
  looks: [
    'avec une écharpe rouge et des yeux curieux',
    'dans un ciré jaune un peu trop grand',
    'avec une casquette verte et un sac rapiécé',
  ],
  guideLook: 'un petit personnage sympathique, toujours tout près',
  style: 'illustration d’album pour enfants, aquarelle douce, lumière chaude, sans texte',
  altText: 'Illustration : {scene}',
  space: ' ',
};
